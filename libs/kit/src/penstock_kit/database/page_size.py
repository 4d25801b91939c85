"""How many entries a page of long ones has: no more than a message holds."""

from collections.abc import Iterable
from typing import Final

MOST_CHARACTERS: Final = 4_000_000
"""Characters of a page, of at most four bytes each: half of what a message may have."""


def count_fitting(lengths: Iterable[int]) -> int:
    """Return how many of the first entries, of so many characters each, a page holds; one is never too much."""
    characters = count = 0
    for length in lengths:
        characters += length
        if count and characters > MOST_CHARACTERS:
            break
        count += 1
    return count
