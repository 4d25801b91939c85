"""Streams, turns, conversations and tools, free of any technology."""
