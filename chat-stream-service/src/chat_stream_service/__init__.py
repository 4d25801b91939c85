"""Streaming chat with a resumable event log, conversations and tools."""
