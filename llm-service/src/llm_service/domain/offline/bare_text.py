"""A short question as the rules over whole questions see it."""

from typing import Final

_MARKS: Final = "?？。.! "


def bare(text: str, more_marks: str = "") -> str:
    """Return `text` in small letters with single spaces, without 呢 and the marks at its ends."""
    return " ".join(text.lower().split()).strip(_MARKS + more_marks).removesuffix("呢")
