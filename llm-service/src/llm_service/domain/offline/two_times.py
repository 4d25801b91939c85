"""What two times come to beside each other: how far a mean moved from one to the other, the same hours of two days."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from llm_service.domain.offline.period import midnight
from llm_service.domain.offline.query import (
    Intent,
    Statistic,
    StructuredQuery,
    TimeRange,
)
from llm_service.domain.offline.sentence import Sentence

if TYPE_CHECKING:
    from llm_service.domain.offline.reading import Reading

_HOUR: Final = timedelta(hours=1)


def set_side_by_side(query: StructuredQuery, reading: "Reading") -> StructuredQuery:
    """ "How much did it change from yesterday evening to this morning": both times, and how far they are apart."""
    if reading.same_time and (hours := _same_hours(query)) is not None:
        return hours
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


def _same_hours(query: StructuredQuery) -> StructuredQuery | None:
    """ "This hour and the same hour yesterday": a range, and in place of a moment on another day the range there."""
    ranges = [each for each in query.periods if not each.instant and each.start]
    moments = [each for each in query.periods if each.instant and each.start]
    if len(query.periods) != 2 or len(ranges) != 1 or len(moments) != 1 or query.when or query.rank:
        return None
    there, moment = ranges[0], moments[0]
    if not there.start or not there.end or not moment.start:
        return None
    back = midnight(there.start) - midnight(moment.start)
    whole = there.end - there.start >= timedelta(days=1)
    if whole or not back:
        return None
    then = TimeRange(start=there.start - back, end=there.end - back)
    return replace(query, intent=Intent.COMPARE, time=there, periods=(there, then))


def _two_days(query: StructuredQuery, reading: "Reading") -> tuple[TimeRange, ...]:
    """Both days of "from yesterday to today" where a number of each is asked for."""
    start, end = (query.time.start, query.time.end) if query.time else (None, None)
    numbered = reading.topic.uses or Statistic.MEAN in query.statistics
    if not numbered or not start or not end or end - start != timedelta(days=2) or start != midnight(start):
        return ()
    middle = start + timedelta(days=1)
    return (TimeRange(start=start, end=middle), TimeRange(start=middle, end=end))


def now_against(past: TimeRange, now: datetime) -> TimeRange | None:
    """Return what "hotter than then" sets against `past`: the moment, today so far or the last hour; None if neither.

    A moment is set against now, whole days before today against today, and a part of a day, such as this morning,
    against the last hour, where it ended before that.
    """
    if past.instant:
        return TimeRange(start=now, end=now + timedelta(minutes=1), instant=True)
    if past.start is None or past.end is None:
        return None
    if past.start == midnight(past.start) and past.end <= midnight(now):
        return TimeRange(start=midnight(now), end=now)
    part = past.end - past.start < timedelta(days=1)
    return TimeRange(start=now - _HOUR, end=now) if part and past.end <= now - _HOUR else None


def of_the_day(query: StructuredQuery, sentence: Sentence, now: datetime) -> StructuredQuery:
    """ "占今天的百分之几": the share of a day is asked of that day."""
    said = "".join(lexeme.text for lexeme in sentence.lexemes)
    back = next((days for word, days in (("占今天的", 0), ("占昨天的", 1)) if word in said), None)
    if back is None or query.time is not None or query.intent is Intent.CHAT:
        return query
    start = midnight(now) - timedelta(days=back)
    return replace(query, time=TimeRange(start=start, end=start + timedelta(days=1)))


def until_this_time(ranges: tuple[TimeRange, ...], now: datetime) -> tuple[TimeRange, ...]:
    """Return two days, one of them today, each up to this time of day; other ranges as they are."""
    day = timedelta(days=1)
    starts = [each.start for each in ranges if each.start and (each.instant or each.end == each.start + day)]
    days = [midnight(start) for start in starts]
    if len(ranges) != 2 or len(set(days)) != 2 or midnight(now) not in days:
        return ranges
    return tuple(TimeRange(start=start, end=start + (now - midnight(now))) for start in days)
