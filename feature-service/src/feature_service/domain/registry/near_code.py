"""Which codes are most like one that is unknown, found in a bounded time whatever the codes look like."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Final

_BESIDE: Final = 25
"""Codes that are compared with the unknown one: half of them begin most like it, half of them end most like it."""
_COMPARED: Final = 64
"""Characters of a code that are compared."""
_LONGEST: Final = 128
"""Characters that a code may have."""
_ALIKE: Final = 0.5


def near_codes(code: str, codes: Sequence[str], *, most: int) -> list[str]:
    """Return at most `most` of `codes`, the most similar first, upper and lower case being the same.

    Similarity is the share of common pairs of neighbouring characters (Dice's coefficient over bigrams): its work grows
    with the length of the codes alone, where that of an edit distance or of difflib grows with its square or cube.
    """
    own = _pairs(code)
    scored = [(_similarity(own, _pairs(known)), known) for known in _candidates(code, codes)]
    close = [each for each in scored if each[0] >= _ALIKE]
    return [known for _, known in sorted(close, key=lambda each: (-each[0], each[1]))[:most]]


def _candidates(code: str, codes: Sequence[str]) -> list[str]:
    """The codes worth comparing: those beside it when they are sorted by their beginnings, or by their ends."""
    if len(codes) <= 2 * _BESIDE:
        return list(dict.fromkeys(codes))
    short = code[:_LONGEST].lower()
    return list(
        dict.fromkeys(
            (
                *_beside(short, {each.lower(): each for each in codes}),
                *_beside(short[::-1], {each[::-1].lower(): each for each in codes}),
            )
        )
    )


def _beside(text: str, codes: Mapping[str, str]) -> list[str]:
    ordered = sorted(codes)
    place = bisect_left(ordered, text)
    return [codes[each] for each in ordered[max(0, place - _BESIDE // 2) : place + _BESIDE // 2]]


def _pairs(code: str) -> set[str]:
    text = f" {code[:_COMPARED].lower()}"
    return {text[place : place + 2] for place in range(len(text) - 1)}


def _similarity(left: set[str], right: set[str]) -> float:
    together = len(left) + len(right)
    return 2 * len(left & right) / together if together else 0.0
