"""Protobuf messages ⇄ the JSON of our HTTP API."""
