"""Data sets: their records in SQL and their files in a folder."""
