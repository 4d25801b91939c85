"""Periods of the calendar and of the time up to now."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from llm_service.domain.offline.query import TimeRange
from llm_service.domain.offline.words_time import PartOfDay


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Lexemes `begin` to `end` name the time from `start` to `until` (exclusive).

    `part` of a single day was named; `rolling` ends now and takes no time of day; `exact` ends a range at its start;
    `undated` is a part of a day that was not named.
    `back` is how far it lies behind a time that was spoken of before, where one was: "the day before".
    `read_as` is the date that a doubtful one ("03/04/2026") was taken for.
    """

    begin: int
    end: int
    start: datetime
    until: datetime
    part: PartOfDay | None = None
    rolling: bool = False
    exact: bool = False
    undated: bool = False
    back: timedelta | None = None
    read_as: str = ""

    @property
    def is_day(self) -> bool:
        """Whether it is one day of the calendar."""
        return not self.rolling and self.start.date() + timedelta(days=1) == self.until.date()

    @property
    def edge(self) -> datetime:
        """Where a range from or until it has its end: noon is a moment then."""
        return at_seconds(self.start, _NOON) if self.part is PartOfDay.NOON else self.start

    @property
    def is_day_or_part(self) -> bool:
        """Whether it is one day of the calendar, or a part of one."""
        return self.is_day or (self.part is not None and not self.rolling)


_HOURS = {
    PartOfDay.FIRST_HALF: (0, 12),
    PartOfDay.SECOND_HALF: (12, 24),
    PartOfDay.DAYTIME: (6, 18),
    PartOfDay.EARLY: (0, 6),
    PartOfDay.MORNING: (6, 12),
    PartOfDay.NOON: (11, 13),
    PartOfDay.AFTERNOON: (12, 18),
    PartOfDay.EVENING: (18, 24),
    PartOfDay.NIGHT: (18, 30),
}
_NOON: Final = 12 * 3600


def midnight(moment: datetime) -> datetime:
    """Return the beginning of the day of `moment`."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)


def at_seconds(day: datetime, seconds: int) -> datetime:
    """Return the wall-clock time so many seconds after midnight of `day`; beyond a day it is of the next."""
    return midnight(day) + timedelta(seconds=seconds)


def part_of_day(day: datetime, part: PartOfDay) -> tuple[datetime, datetime]:
    """Return the hours of a part of `day`."""
    first, last = _HOURS[part]
    return at_seconds(day, first * 3600), at_seconds(day, last * 3600)


def before(now: datetime, length: timedelta) -> datetime:
    """Return the time `length` before `now`, in its zone, counted in real hours whatever the clocks did."""
    return (now.astimezone(UTC) - length).astimezone(now.tzinfo)


def calendar_period(now: datetime, unit: str, back: int) -> tuple[datetime, datetime]:
    """Return this (0), the last (1) or the next (-1) minute, hour, week, month, quarter or year."""
    today = midnight(now)
    match unit:
        case "min":
            return now.replace(second=0, microsecond=0), now
        case "h":
            return now.replace(minute=0, second=0, microsecond=0), now
        case "w":
            monday = today - timedelta(days=today.weekday() + 7 * back)
            return monday, monday + timedelta(days=7)
        case "weekend":
            saturday = today - timedelta(days=(today.weekday() - 5) % 7)
            return saturday, saturday + timedelta(days=2)
        case "q" | "month":
            length = 3 if unit == "q" else 1
            first = today.year * 12 + (today.month - 1) // length * length - length * back
            last = first + length - 1
            begin, until = (month_of(today, month // 12, month % 12 + 1) for month in (first, last))
            return begin[0], until[1]
        case _:
            first = today.replace(year=today.year - back, month=1, day=1)
            return first, first.replace(year=first.year + 1)


def moved(time: TimeRange, by: timedelta) -> TimeRange:
    """Return the range so much later, by the clock on the wall."""
    return replace(time, start=time.start and time.start + by, end=time.end and time.end + by)


def month_of(like: datetime, year: int, month: int) -> tuple[datetime, datetime]:
    """Return a month in the zone of `like`. Raises ValueError outside the calendar."""
    first = midnight(like).replace(year=year, month=month, day=1)
    return first, (first + timedelta(days=32)).replace(day=1)
