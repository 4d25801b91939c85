"""Of which part of a range the devices have readings, where that is less than was asked for."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from llm_service.domain.offline.gathering import Gathered
from llm_service.domain.offline.json_value import time_or_none
from llm_service.domain.offline.query import Note, Remark
from llm_service.domain.offline.result_json import all_statistics_from_json
from llm_service.domain.offline.shown_zone import ShownZone

# What lacks at an end is told from so much on, and from this part of the range on.
_LEAST: Final = timedelta(minutes=10)
_PART: Final = 0.1


def partly_covered(found: Sequence[Gathered], times: ShownZone) -> list[Note]:
    """Return a remark for each part of a range that is all that devices have readings of."""
    told: dict[tuple[str, str], dict[str, None]] = {}
    for each in found:
        start, end = (time_or_none(each.outcome.arguments.get(name)) for name in ("start_time", "end_time"))
        for result in all_statistics_from_json(each.outcome.data):
            if result.first_row is None or result.last_row is None:
                continue
            first, last = result.first_row, result.last_row
            until = _until(end, times.now)
            since = start is not None and _lacking(start, first, (until or last) - start)
            ended = until is not None and _lacking(last, until, until - (start or first))
            if since or ended:
                begun, over = _told(first, last)
                stamps = (times.stamp(begun) if since else "", times.stamp(over) if ended else "")
                told.setdefault(stamps, {})[result.device] = None
    return [Note(remark=Remark.PARTLY, words=(", ".join(codes), *stamps)) for stamps, codes in told.items()]


def _until(end: datetime | None, now: datetime | None) -> datetime | None:
    """Up to when there can be readings."""
    known = [moment for moment in (end, now) if moment]
    return min(known, default=None)


def _lacking(begin: datetime, end: datetime, whole: timedelta) -> bool:
    return end - begin > max(_LEAST, _PART * whole)


def _told(first: datetime, last: datetime) -> tuple[datetime, datetime]:
    """Return both by the minute, or by the second where that would be the same."""
    begun, over = (each.replace(second=0, microsecond=0) for each in (first, last))
    return (begun, over) if begun < over else (first.replace(microsecond=0), last.replace(microsecond=0))
