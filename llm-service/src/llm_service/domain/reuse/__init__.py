"""Answers used again: the response cache and idempotent execution."""
