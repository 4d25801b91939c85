"""Direction: words that turn a question round, such as enable and disable, before and after, 上传 and 下载."""

from typing import Final

from penstock_kit.text import Reading
from penstock_kit.text.opposites import OPPOSITES


def direction_differs(first: Reading, second: Reading) -> bool:
    """Return whether one says a word of which the other says the opposite."""
    here, there = _said(first) - _said(second), _said(second) - _said(first)
    return any(OPPOSITES.get(word, _NONE) & there for word in here)


def _said(reading: Reading) -> frozenset[str]:
    return frozenset(token.concept for token in reading.sequence)


_NONE: Final[frozenset[str]] = frozenset()
