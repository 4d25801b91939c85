"""Where the semantic cache stores its answers, and what searches its vectors."""
