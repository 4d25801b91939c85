"""Characters that steer a terminal or the order of reading instead of being read."""

import unicodedata
from typing import Final

# Overrides and isolates of the direction: they make a text look like another one.
_DIRECTION: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_SPACES: Final = frozenset("\n\t")


def steers(character: str) -> bool:
    """Whether `character` is a control character (escape and the like), a line separator or turns the direction."""
    return unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or character in _DIRECTION


def without_controls(text: str) -> str:
    """Return `text` for a terminal: without what steers it, line ends and tabs aside."""
    if text.isprintable():
        return text
    return "".join(character for character in text if character in _SPACES or not steers(character))
