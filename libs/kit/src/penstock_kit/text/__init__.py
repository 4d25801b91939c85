"""Reads a short text by rules: its words as concepts, its numbers, units, codes and dates, and its question."""

from penstock_kit.text.reading import Reading, read_text
from penstock_kit.text.token import Kind, Token

__all__ = ["Kind", "Reading", "Token", "read_text"]
