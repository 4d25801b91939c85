"""Vectors without a model: feature hashing (Weinberger et al., 2009) of concepts and their character n-grams.

Words are read as `penstock_kit.text` reads them, in English and Chinese: inflected forms and listed synonyms are one
concept, filler counts for next to nothing. That makes rewordings near; it is no understanding. Two words that mean the
same and stand in no list are as far apart as any two.
"""

import unicodedata
from array import array
from collections.abc import Iterator
from math import sqrt
from sys import byteorder
from typing import Final
from zlib import crc32

from llm_service.domain.offline.worker import Checkpoint, unchecked
from penstock_kit.text import Kind, Token, read_text

DIMENSIONS: Final = 256
_GRAM: Final = 3
_GRAM_WEIGHT: Final = 0.15
# Characters that are read at once, between two checkpoints.
_STRIDE: Final = 2_000
# Characters after normalisation, which can make eighteen of one.
_LONGEST: Final = 1_000_000
_WEIGHTS: Final = {Kind.FILLER: 0.03, Kind.LINK: 0.1, Kind.INTENT: 0.4}


def hashed_vector(text: str, dimensions: int, checkpoint: Checkpoint = unchecked) -> bytes:
    """Return the unit vector of `text` as little-endian float32; an empty text is the zero vector.

    The work is linear in the length of `text`; `checkpoint` is called every few thousand characters.
    """
    values = [0.0] * dimensions
    for piece in _pieces(unicodedata.normalize("NFKC", text)[:_LONGEST]):
        checkpoint()
        for feature, weight in _features(piece):
            hashed = crc32(feature.encode(errors="surrogatepass"))
            values[hashed % dimensions] += weight if hashed & 0x80000000 else -weight
    length = sqrt(sum(value * value for value in values)) or 1.0
    packed = array("f", (value / length for value in values))
    if byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def _pieces(text: str) -> Iterator[str]:
    """Cut a long text between words, where it has any."""
    at = 0
    while at < len(text):
        end = at + _STRIDE
        if end < len(text):
            end = max(text.rfind(" ", at, end), at) or end
            end = end if end > at else at + _STRIDE
        yield text[at:end]
        at = end


def _features(text: str) -> Iterator[tuple[str, float]]:
    for token in read_text(text).tokens:
        yield f"{token.kind} {token.concept}", _WEIGHTS.get(token.kind, 1.0)
        if token.kind is Kind.WORD:
            yield from _grams(token)


def _grams(token: Token) -> Iterator[tuple[str, float]]:
    """What a word shares with one that is spelt like it."""
    padded = f"^{token.concept}$"
    count = len(padded) - _GRAM + 1
    for at in range(count):
        yield padded[at : at + _GRAM], _GRAM_WEIGHT
