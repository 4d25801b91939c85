"""Single local times and the zones they are in (no NumPy needed)."""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from feature_service.domain.model.span import END_MICROS, FIRST_MICROS

_EPOCH: Final = datetime(1970, 1, 1)
_MICROSECOND: Final = timedelta(microseconds=1)
_DAY: Final = 86_400_000_000


def instant_of(local: int, zone: tzinfo) -> int:
    """Return the instant of a local time, both in microseconds since the epoch; the first of two.

    Raises ValueError when it does not exist in `zone`.
    """
    if zone is UTC:
        return local
    first, second = offset_of(local, zone, 0), offset_of(local, zone, 1)
    if first < second:
        raise ValueError(nonexistent(local, zone))
    return local - first


def nonexistent(local: int, zone: tzinfo) -> str:
    """Return the sentence about a local time over which clocks went forward."""
    shown = (_EPOCH + timedelta(microseconds=local)).isoformat(sep=" ")
    return f"timestamp {shown!r} does not exist in {zone}: clocks went forward over it; write it with its offset"


def offset_of(local: int, zone: tzinfo, fold: int) -> int:
    """Return what a local time is ahead of UTC, in microseconds; `fold` 1 means the second of two equal times."""
    inside = min(max(local, FIRST_MICROS + _DAY), END_MICROS - _DAY)
    moment = (_EPOCH + timedelta(microseconds=inside)).replace(tzinfo=zone, fold=fold)
    offset = moment.utcoffset()
    return 0 if offset is None else offset // _MICROSECOND
