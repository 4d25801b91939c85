"""The time range a prompt asks for, put together from the dates and times found in it."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from llm_service.domain.offline.date import ClockTime, Period, find_clock_times, find_dates
from llm_service.domain.offline.query import Span, TimeRange, without
from llm_service.domain.offline.relative import find_ago, find_named, find_rolling

_LINK: Final = re.compile(r"\s*(?:to|and|until|till|through|thru|-|–|—|~|至|到|和|与)\s*(?:at\s+)?")
_JOIN: Final = re.compile(r"\s*(?:t|at|,|的|在|@)?\s*")
_SINCE_BEFORE: Final = re.compile(r"(?:\bsince|\bafter|\bfrom|\bstarting(?:\s+(?:at|on|from))?|自从|自|从)\s*$")
_SINCE_AFTER: Final = re.compile(r"\s*(?:以来|之后|以后|起|开始|onwards?)")
_UNTIL_BEFORE: Final = re.compile(r"(?:\bbefore|\buntil|\btill|\bup to|\bprior to|截至|截止到?)\s*$")
_UNTIL_AFTER: Final = re.compile(r"\s*(?:之前|以前|为止)")
_INCLUSIVE_UNTIL: Final = re.compile(r"(?:\buntil|\btill|\bup to|截至|截止到?)\s*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTime:
    """The range and the characters that said it."""

    time: TimeRange
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment:
    """A day (or longer), a time of day, or both side by side."""

    span: Span
    day: Period | None = None
    clock: ClockTime | None = None

    def on(self, day: Period | None, now: datetime) -> Period:
        """Return what it covers; a bare time of day belongs to `day`, or to the last day it can."""
        own = self.day or day
        if self.clock is None:
            assert self.day is not None
            return self.day
        midnight = own.start if own else now.replace(hour=0, minute=0, second=0, microsecond=0)
        clock = self.clock.at.replace(tzinfo=self.clock.zone or midnight.tzinfo)
        start = datetime.combine(midnight.date(), clock)
        if own is None and start > now:
            start -= timedelta(days=1)
        return Period(span=self.span, start=start, end=start + self.clock.width)


def find_time_range(text: str, now: datetime) -> FoundTime | None:
    """Return the time range that `text` names, or None.

    `now` is timezone-aware: dates and times without a zone are in its zone. "last hour" and other
    numbered stretches roll back from now, "last week" and "last month" are calendar ones.
    """
    lowered = text.lower()
    if rolling := find_rolling(lowered, now):
        return FoundTime(time=TimeRange(start=rolling.start, end=rolling.end), spans=(rolling.span,))
    moments = _moments(lowered, now)
    if not moments:
        return None
    time = _linked(lowered, moments, now) or _single(lowered, moments, now)
    return FoundTime(time=time, spans=tuple(moment.span for moment in moments))


def _moments(text: str, now: datetime) -> list[_Moment]:
    """Every moment in order, a date and the time beside it joined into one."""
    days = find_dates(text, now)
    rest = without(text, [day.span for day in days])
    for find in (find_ago, find_named):
        while found := find(rest, now):
            days.append(found)
            rest = without(rest, [found.span])
    pieces: list[_Moment] = [_Moment(span=day.span, day=day) for day in days]
    pieces += [_Moment(span=clock.span, clock=clock) for clock in find_clock_times(rest)]
    return _joined(text, sorted(pieces, key=lambda piece: piece.span))


def _joined(text: str, pieces: list[_Moment]) -> list[_Moment]:
    moments: list[_Moment] = []
    for piece in pieces:
        last = moments[-1] if moments else None
        if last and last.day and not last.clock and piece.clock and _fits(_JOIN, text, last.span, piece.span):
            moments[-1] = _Moment(span=Span(last.span.start, piece.span.end), day=last.day, clock=piece.clock)
        else:
            moments.append(piece)
    return moments


def _fits(pattern: re.Pattern[str], text: str, first: Span, second: Span) -> bool:
    return pattern.fullmatch(text[first.end : second.start]) is not None


def _linked(text: str, moments: list[_Moment], now: datetime) -> TimeRange | None:
    """A range "A to B"; a date beside it is the day of bare times."""
    for first, second in pairwise(moments):
        if not _fits(_LINK, text, first.span, second.span):
            continue
        day = first.day or second.day or next((m.day for m in moments if m.day), None)
        start = first.on(day, now).start
        until = second.on(first.day or day, now)
        end = until.start if second.clock else until.end
        if end <= start and not second.day:
            end += _missing(first, second, start - end)
        return TimeRange(start=start, end=end)
    return None


def _missing(first: _Moment, second: _Moment, behind: timedelta) -> timedelta:
    """What a bare end before its start lacks: "3 pm to 5:00" the half of the day, "22:00 to 02:00" a day."""
    halves = first.clock and second.clock and first.clock.marked and not second.clock.marked
    return timedelta(hours=12) if halves and behind < timedelta(hours=12) else timedelta(days=1)


def _single(text: str, moments: list[_Moment], now: datetime) -> TimeRange:
    moment = _the_one(moments)
    period = moment.on(None, now)
    before, after = text[: moment.span.start], text[moment.span.end :]
    if _SINCE_BEFORE.search(before) or _SINCE_AFTER.match(after):
        return TimeRange(start=period.start)
    if _UNTIL_BEFORE.search(before) or _UNTIL_AFTER.match(after):
        whole = moment.clock is None and _INCLUSIVE_UNTIL.search(before)
        return TimeRange(end=period.end if whole else period.start)
    return TimeRange(start=period.start, end=period.end)


def _the_one(moments: list[_Moment]) -> _Moment:
    """Of "at 10:34 on 2020-03-09" the two make one; otherwise the first counts."""
    day = next((moment.day for moment in moments if moment.day and not moment.clock), None)
    clock = next((moment.clock for moment in moments if moment.clock and not moment.day), None)
    if day and clock:
        return _Moment(span=moments[0].span, day=day, clock=clock)
    return moments[0]
