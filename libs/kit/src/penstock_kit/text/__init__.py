"""What a short text says, by rules: its words as concepts, its numbers, units, codes, dates and what it asks for."""

from penstock_kit.text.reading import Reading, read_text
from penstock_kit.text.token import Kind, Token

__all__ = ["Kind", "Reading", "Token", "read_text"]
