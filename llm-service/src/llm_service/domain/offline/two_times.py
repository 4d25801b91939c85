"""What two times come to beside each other: how far a mean moved from one to the other, the same hours of two days."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from llm_service.domain.offline.period import midnight
from llm_service.domain.offline.query import (
    Intent,
    Statistic,
    StructuredQuery,
    TimeRange,
)

if TYPE_CHECKING:
    from llm_service.domain.offline.reading import Reading


def set_side_by_side(query: StructuredQuery, reading: "Reading") -> StructuredQuery:
    """ "How much did it change from yesterday evening to this morning": both times, and how far they are apart."""
    if query.intent is not Intent.TREND or query.rank or query.interval or query.when or query.refused:
        return query
    times = query.periods or _two_days(query, reading)
    if len(times) != 2 or any(each.instant for each in times):
        return query
    amounts = (Statistic.INTEGRAL,) if reading.topic.uses else (Statistic.MEAN,)
    statistics = query.statistics or amounts
    return replace(
        query,
        intent=Intent.COMPARE,
        time=times[0],
        periods=times,
        statistics=statistics,
        recent=False,
    )


def _two_days(query: StructuredQuery, reading: "Reading") -> tuple[TimeRange, ...]:
    """Both days of "from yesterday to today" where a number of each is asked for."""
    start, end = (query.time.start, query.time.end) if query.time else (None, None)
    numbered = reading.topic.uses or Statistic.MEAN in query.statistics
    if not numbered or not start or not end or end - start != timedelta(days=2) or start != midnight(start):
        return ()
    middle = start + timedelta(days=1)
    return (TimeRange(start=start, end=middle), TimeRange(start=middle, end=end))


def until_this_time(ranges: tuple[TimeRange, ...], now: datetime) -> tuple[TimeRange, ...]:
    """Return two days, one of them today, each up to this time of day; other ranges as they are."""
    day = timedelta(days=1)
    starts = [each.start for each in ranges if each.start and (each.instant or each.end == each.start + day)]
    days = [midnight(start) for start in starts]
    if len(ranges) != 2 or len(set(days)) != 2 or midnight(now) not in days:
        return ranges
    return tuple(TimeRange(start=start, end=start + (now - midnight(now))) for start in days)
