"""Rows on their way in: read from a body, checked cell by cell, merged, ready to be stored."""
