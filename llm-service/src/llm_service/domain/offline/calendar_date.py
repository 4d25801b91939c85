"""Days, weeks, months and years named in a question: "2026-11-27", "Nov 27", "11月27日", "yesterday", "Monday"."""

from dataclasses import replace
from datetime import timedelta

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.number import UNIT_LENGTH
from llm_service.domain.offline.period import Period, before, calendar_period, midnight, part_of_day
from llm_service.domain.offline.rolling_period import RollingPeriods
from llm_service.domain.offline.words_time import NamedDay, PartOfDay, RelativePeriod, Weekday
from llm_service.domain.offline.written_date import WrittenDates


class CalendarReader(WrittenDates, RollingPeriods):
    """Reads the periods of one sentence; `now` is in the zone its times are in."""

    def period_at(self, at: int) -> Period | None:
        """Return the period that begins at `at`."""
        try:
            return (
                self._listed_day(at)
                or self._quarter(at)
                or self._before_last(at)
                or self._coming(at)
                or self._rolling(at)
                or self._ago(at)
                or self._numeric(at)
                or self._chinese(at)
                or self._month(at)
                or self._same_time(at)
                or self._back(at)
                or self._named(at)
                or self._year(at)
            )
        except (ValueError, OverflowError):
            return None

    def _named(self, at: int) -> Period | None:
        """yesterday, this morning, last week, Monday, 周三, the weekend."""
        words, senses = self._words, self._words.senses(at)
        day = senses.get(Kind.DAY)
        if isinstance(day, NamedDay):
            start = midnight(self._now) + timedelta(days=day.days)
            # Before its morning has begun, "this morning" is what there was of the day.
            early = day.part is PartOfDay.MORNING and part_of_day(start, PartOfDay.MORNING)[0] > self._now >= start
            return self._day(at, at + 1, start, part=PartOfDay.FIRST_HALF if early else day.part)
        relative = senses.get(Kind.RELATIVE_PERIOD)
        if isinstance(relative, RelativePeriod):
            start, until = calendar_period(self._now, relative.unit, relative.back)
            return Period(begin=at, end=at + 1, start=start, until=until, rolling=relative.unit in {"h", "min"})
        last = words.has(at, Kind.LAST) and words.text(at) in {"last", "previous"}
        weekday = words.senses(at + last).get(Kind.WEEKDAY)
        # "sun", "sat" and "mon" are said with a word before them.
        short = words.text(at).isascii() and len(words.text(at)) == 3
        if not isinstance(weekday, Weekday) or (short and words.text(at - 1) not in {"on", "last"}):
            return None
        return self._weekday(at, at + 1 + last, weekday, last=last)

    def _back(self, at: int) -> Period | None:
        """ "The day before", "前一天": the one before the time spoken of; where none was, before this one."""
        unit = self._words.senses(at).get(Kind.BACK)
        if not isinstance(unit, str) or self._goes_on(at + 1):
            return None
        length = UNIT_LENGTH[unit]
        if unit == "d":
            return replace(self._day(at, at + 1, midnight(self._now) - length), back=length)
        start, until = calendar_period(self._now, "w", 1)
        if unit == "h":
            start, until = before(self._now, 2 * length), before(self._now, length)
        return Period(begin=at, end=at + 1, start=start, until=until, rolling=unit == "h", back=length)

    def _goes_on(self, at: int) -> bool:
        """Whether a day follows that the one before is told from: "the day before Monday"."""
        words, kinds = self._words, (Kind.WEEKDAY, Kind.MONTH, Kind.DAY, Kind.ORDINAL, Kind.LAST, Kind.RELATIVE_PERIOD)
        return words.number(at) is not None or any(words.has(at, kind) for kind in kinds)

    def _weekday(self, at: int, end: int, weekday: Weekday, *, last: bool) -> Period:
        today = midnight(self._now)
        if weekday.back is not None:
            start = today - timedelta(days=today.weekday() + 7 * weekday.back - weekday.number)
        else:
            start = today - timedelta(days=(today.weekday() - weekday.number) % 7)
            start -= timedelta(days=7 if last and start == today else 0)
        return self._day(at, end, start)
