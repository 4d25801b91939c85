"""Vectors without a model: feature hashing of words and character n-grams (Weinberger et al., 2009)."""

import unicodedata
from array import array
from collections.abc import Iterator
from math import sqrt
from sys import byteorder
from typing import Final
from zlib import crc32

DIMENSIONS: Final = 256
_GRAM: Final = 3


def hashed_vector(text: str, dimensions: int) -> bytes:
    """Return the unit vector of `text` as little-endian float32; an empty text is the zero vector."""
    values = [0.0] * dimensions
    for feature, weight in _features(unicodedata.normalize("NFKC", text).lower()):
        hashed = crc32(feature.encode())
        values[hashed % dimensions] += weight if hashed & 0x80000000 else -weight
    length = sqrt(sum(value * value for value in values)) or 1.0
    packed = array("f", (value / length for value in values))
    if byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def _features(text: str) -> Iterator[tuple[str, float]]:
    for word in text.split():
        yield word, 1.0
        padded = f"^{word}$"
        for at in range(len(padded) - _GRAM + 1):
            yield padded[at : at + _GRAM], 0.5
