"""Conversations and personalities: create, list, rename, delete."""
