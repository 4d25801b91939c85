"""What an engine remembers of a user: retrieval, summaries, erasure."""
