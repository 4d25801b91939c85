"""Ticks of axes: round numbers, and round times in UTC."""

import math
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = 1_000_000
_STEPS: Final = tuple(
    seconds * _SECOND
    for seconds in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
)
_DAY: Final = 86_400 * _SECOND


def value_ticks(low: float, high: float, most: int) -> list[tuple[float, str]]:
    """Return at most `most` + 1 round numbers from `low` to `high`, each with its text."""
    if not high > low:
        return [(low, f"{low:.6g}")]
    rough = (high - low) / max(1, most)
    size = 10.0 ** math.floor(math.log10(rough))
    step = next((factor * size for factor in (1, 2, 5, 10) if factor * size >= rough), 10 * size)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [(place * step, f"{place * step:.6g}") for place in range(first, last + 1)]


def time_ticks(start: int, end: int, most: int) -> list[tuple[int, str]]:
    """Return at most `most` + 1 round times from `start` to `end` (microseconds since the epoch), with their texts."""
    rough = (end - start) / max(1, most)
    step = next((each for each in _STEPS if each >= rough), _DAY * math.ceil(rough / _DAY))
    if rough < _SECOND / 2:
        step = max(1, 10 ** math.ceil(math.log10(max(1.0, rough))))
    places = range(-(-start // step) * step, end + 1, step)
    return [(place, _written(place, step)) for place in places]


def _written(micros: int, step: int) -> str:
    moment = _EPOCH + timedelta(microseconds=micros)
    if step >= _DAY or micros % _DAY == 0:
        return f"{moment:%Y-%m-%d}"
    if step >= 60 * _SECOND:
        return f"{moment:%H:%M}"
    return f"{moment:%H:%M:%S}" if step >= _SECOND else f"{moment:%S.%f}"
