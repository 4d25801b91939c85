"""The clients of a user and the feed that brings each of them every conversation's events."""
