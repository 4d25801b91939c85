"""Texts that not every store can hold: refused with their rows before any store is asked."""

from collections.abc import Iterable

REASON = "the text has a NUL or half a character, which no text can hold"


def refuse_unfit(name: str, texts: Iterable[str | None], bad: dict[int, str]) -> None:
    """Note in `bad` each row whose text of the field `name` has a NUL or a lone surrogate.

    All texts are looked at as one, and each by itself only when that one is unfit.
    """
    listed = list(texts)
    if is_fit("".join(text for text in listed if text)):
        return
    for row, text in enumerate(listed):
        if text and not is_fit(text):
            bad.setdefault(row, f"{name}: {REASON}")


def is_fit(text: str) -> bool:
    """Return whether every store can hold the text."""
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
