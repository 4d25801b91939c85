"""The same hours of several days: "on Monday and Tuesday from 8 to 10", "昨天和今天8点到10点"."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from llm_service.domain.offline.moment import Moment, of_part
from llm_service.domain.offline.period import Period

_MOST_DAYS: Final = 14
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyHours:
    """A time of day, or the two that a range goes from and to, on each of `days`."""

    days: tuple[Period, ...]
    first: Moment
    second: Moment | None = None

    def on(self, day: Period) -> tuple[Moment, Moment | None]:
        """Return the moments of these hours on `day`."""
        return _on(self.first, day), replace(self.second, day=None) if self.second else None


def hours_of_days(moments: Sequence[Moment], linked: Mapping[Moment, Moment]) -> DailyHours | None:
    """Return the hours that are asked for of several days; None where each day has its own, or there is one day.

    `linked` are the moments that begin a range, with those that end it.
    """
    clocks = [moment for moment in moments if moment.clock]
    dated = [moment for moment in moments if moment.day]
    whole = all(moment.day and moment.day.is_day and not moment.day.undated for moment in dated)
    if not clocks or len(dated) < 2 or not whole or any(moment.now for moment in moments):
        return None
    hours = len(clocks) == 2 and linked.get(clocks[0]) is clocks[1]
    if not hours and len(clocks) > 1:
        return None
    if sum(moment.clock is not None for moment in dated) > 1 or not _is_run(moments, dated):
        return None
    return DailyHours(days=_days(dated, linked), first=clocks[0], second=clocks[1] if hours else None)


def _is_run(moments: Sequence[Moment], dated: Sequence[Moment]) -> bool:
    """Whether the days are named one after the other, without hours between: no "22:00 yesterday to 06:00 today"."""
    places = [at for at, moment in enumerate(moments) if moment in dated]
    return places[-1] - places[0] == len(places) - 1


def _days(dated: Sequence[Moment], linked: Mapping[Moment, Moment]) -> tuple[Period, ...]:
    found: list[Period] = []
    ends = {id(second) for second in linked.values()}
    for moment in dated:
        assert moment.day
        last = found[-1] if found else None
        if last and id(moment) in ends and (moment.day.start - last.start) // _DAY < _MOST_DAYS:
            # "Monday to Wednesday": each of them.
            opening = last.start + _DAY
            while opening < moment.day.start:
                found.append(replace(moment.day, start=opening, until=opening + _DAY))
                opening += _DAY
        found.append(moment.day)
    return tuple(found)


def _on(moment: Moment, day: Period) -> Moment:
    clock = of_part(moment.clock, day) if moment.clock else None
    return replace(moment, day=day, clock=clock)
