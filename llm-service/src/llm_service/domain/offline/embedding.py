"""Vectors without a model: feature hashing of words and character n-grams (Weinberger et al., 2009)."""

import unicodedata
from array import array
from collections.abc import Iterator
from math import sqrt
from sys import byteorder
from typing import Final
from zlib import crc32

from llm_service.domain.offline.worker import Checkpoint, unchecked

DIMENSIONS: Final = 256
_GRAM: Final = 3
_STRIDE: Final = 4_096
# Characters after normalisation, which can make eighteen of one.
_LONGEST: Final = 1_000_000


def hashed_vector(text: str, dimensions: int, checkpoint: Checkpoint = unchecked) -> bytes:
    """Return the unit vector of `text` as little-endian float32; an empty text is the zero vector.

    The work is linear in the length of `text`; `checkpoint` is called every few thousand features.
    """
    values = [0.0] * dimensions
    for at, (feature, weight) in enumerate(_features(unicodedata.normalize("NFKC", text)[:_LONGEST].lower())):
        if at % _STRIDE == 0:
            checkpoint()
        hashed = crc32(feature.encode(errors="surrogatepass"))
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
