"""Rows per day and week, cut where the days of the asker's zone begin."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from llm_service.domain.offline.period import midnight
from llm_service.domain.offline.query import Intent, Statistic, StructuredQuery, TimeRange
from llm_service.domain.offline.shown_zone import shown_zone

_SECOND: Final = timedelta(seconds=1)
_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)
_MOST: Final = 62
# A turn has so many calls of tools, and some are for the devices.
_MOST_EVENTS: Final = 28
_MOST_TOGETHER: Final = 8


def cut_by_calendar(
    query: StructuredQuery, extent: TimeRange | None, now: datetime | None = None
) -> StructuredQuery | None:
    """Return `query` with a range for each day or week of its zone in place of the interval.

    None when that is not to be done or not to be had: the rows are no days or weeks, the store cuts them alike (by
    UTC, weeks on a Thursday), there are too many, or no begin is known. None begins after `now`, unless all do.
    """
    width = query.interval
    if width is None or width not in {_DAY, _WEEK} or cut_alike(query) or len(query.periods) > 1:
        return None
    zone = shown_zone(query).zone
    open_range = query.time or TimeRange()
    start = open_range.start or (extent.start if extent else None)
    end = open_range.end or (extent.end + timedelta(seconds=1) if extent and extent.end else None)
    if start is None or end is None or end - start > _MOST * width:
        return None
    periods = _periods(start.astimezone(zone), end.astimezone(zone), width)
    periods = tuple(each for each in periods if now is None or (each.start and each.start < now)) or periods
    return replace(
        query,
        intent=Intent.STATISTICS,
        statistics=query.statistics or (Statistic.MEAN,),
        time=periods[0] if periods else query.time,
        periods=periods,
        interval=None,
    )


def cut_for_events(
    query: StructuredQuery, extent: TimeRange | None, now: datetime | None = None
) -> StructuredQuery | None:
    """Return `query` with a range for each interval, for what no row of an interval tells; None where they are many.

    None begins after `now`, unless all do.
    """
    width, asked = query.interval, query.time or TimeRange()
    start = asked.start or (extent.start if extent else None)
    ends = [moment for moment in (asked.end, extent.end + _SECOND if extent and extent.end else None) if moment]
    end = min(ends, default=None)
    ranked = query.rank and len(query.devices) > 1
    if width is None or start is None or end is None or ranked or len(query.periods) > 1:
        return None
    begun = min(end, now) if now and now > start else end
    # What all machines used in a range is one call.
    calls = 1 if query.statistics == (Statistic.INTEGRAL,) and len(query.devices) <= _MOST_TOGETHER else None
    if (begun - start) / width * (calls or len(query.devices)) > _MOST_EVENTS:
        return None
    day = midnight(start)
    opening = day + (start - day) // width * width if width < _DAY else day
    periods: list[TimeRange] = []
    while opening < begun:
        periods.append(TimeRange(start=max(opening, start), end=min(opening + width, end)))
        opening += width
    return replace(query, time=periods[0], periods=tuple(periods), interval=None)


def cut_alike(query: StructuredQuery) -> bool:
    """Whether rows cut by UTC from 1970 on are those of the zone too."""
    if query.interval is None or query.interval == _WEEK:
        return query.interval is None
    shown = shown_zone(query)
    times = [moment for each in (query.time,) if each for moment in (each.start, each.end) if moment]
    return all(not (moment.astimezone(shown.zone).utcoffset() or timedelta()) % query.interval for moment in times)


def _periods(start: datetime, end: datetime, width: timedelta) -> tuple[TimeRange, ...]:
    """The days or the weeks from Monday on, those at the ends cut to the range."""
    opening = midnight(start) - (timedelta(days=start.weekday()) if width == _WEEK else timedelta())
    found: list[TimeRange] = []
    while opening.astimezone(UTC) < end.astimezone(UTC):
        closing = opening + width
        begin = max(opening, start, key=lambda moment: moment.astimezone(UTC))
        until = min(closing, end, key=lambda moment: moment.astimezone(UTC))
        found.append(TimeRange(start=begin, end=until))
        opening = closing
    return tuple(found)
