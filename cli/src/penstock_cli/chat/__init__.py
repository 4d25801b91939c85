"""``penstock chat``: a question in the terminal, the answer as it comes."""
