"""Language: an answer is in the language of its question."""

from penstock_kit.text import Reading


def language_differs(first: Reading, second: Reading) -> bool:
    """Return whether the questions are written in different scripts."""
    return first.language != second.language
