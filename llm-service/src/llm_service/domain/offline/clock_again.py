"""A time of day said behind another one: "and at three?" behind a question of 14:00 is 15:00, and as exact."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from llm_service.domain.offline.query import StructuredQuery, TimeRange

_HALF: Final = timedelta(hours=12)
_NOON: Final = 12


def on_clock(query: StructuredQuery, before: StructuredQuery) -> StructuredQuery:
    """Return `query` with the half of the day that is nearest to the time before, where it leaves the half open.

    Of two as near the later is taken. A moment behind a moment is as wide as that one was.
    """
    own, told = query.time, before.time
    moment = query.undated and own is not None and own.instant and not query.periods and not before.periods
    if not moment or own is None or own.start is None or own.end is None or told is None or told.start is None:
        return query
    start = own.start
    if query.half_open:
        other = start + _HALF if start.hour < _NOON else start - _HALF
        start = min((max(start, other), min(start, other)), key=lambda each: _distance(each, told))
    width = told.end - told.start if told.instant and told.end else own.end - own.start
    return replace(query, time=TimeRange(start=start, end=start + width, instant=True))


def _distance(start: datetime, told: TimeRange) -> timedelta:
    """How far a moment lies from the time that was told; within it, or at its begin, not at all."""
    assert told.start
    if not told.instant and told.end and told.start <= start < told.end:
        return timedelta()
    return abs(start - told.start)
