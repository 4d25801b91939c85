"""Dates as they are written: "2026-11-27", "27/11/2026", "Nov 27", "11月27日", "Q3 2025"."""

from typing import Final

from llm_service.domain.offline.calendar_day import CalendarDays
from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.number import number_at
from llm_service.domain.offline.period import Period, calendar_period, month_of

_SEPARATORS: Final = frozenset({"-", "/", "."})
_SUFFIXES: Final = frozenset({"st", "nd", "rd", "th"})


class WrittenDates(CalendarDays):
    """Reads the dates of one sentence that are written in numbers or by the names of months."""

    def _numeric(self, at: int) -> Period | None:
        """Year-month-day, day/month/year, month/day/year when it can't be the other, year-month, day/month."""
        words = self._words
        first, second = words.digits(at), words.digits(at + 2)
        separator = words.text(at + 1)
        if not (first and second and separator in _SEPARATORS and words.glued(at + 1) and words.glued(at + 2)):
            return None
        third = words.digits(at + 4) if words.text(at + 3) == separator and words.glued(at + 3) else ""
        if len(first) == 4 and third and len(third) <= 2:
            return self._day(at, at + 5, self._date(int(first), int(second), int(third)))
        if len(first) == 4 and not third and len(second) == 2 and separator != ".":
            start, until = month_of(self._now, int(first), int(second))
            return Period(begin=at, end=at + 3, start=start, until=until)
        if len(third) in {2, 4} and max(len(first), len(second)) <= 2:
            return self._european(at, at + 5, int(first), int(second), int(third) + (2000 if len(third) == 2 else 0))
        said = words.text(at - 1) in {"on", "of", "since", "from", "before", "until", "in"}
        if separator == "/" and not third and said and max(len(first), len(second)) <= 2:
            return self._european(at, at + 3, int(first), int(second), None)
        return None

    def _european(self, at: int, end: int, first: int, second: int, year: int | None) -> Period | None:
        """Day before month, unless that is impossible; when both are possible the answer says which was taken."""
        day, month = (second, first) if second > 12 else (first, second)
        start = self._latest(month, day) if year is None else self._date(year, month, day)
        doubtful = first <= 12 and second <= 12 and first != second
        return self._day(at, end, start, read_as=f"{start:%Y-%m-%d}" if doubtful else "")

    def _chinese(self, at: int) -> Period | None:
        """2026年11月27日, 11月27号, 27号, 2020年3月, 2013年."""
        words, year, end = self._words, None, at
        counted = number_at(words, end)
        if counted is not None and words.text(counted[1]) == "年" and counted[0] >= 1000:
            year, end = int(counted[0]), counted[1] + 1
            counted = number_at(words, end)
        if counted is not None and words.text(counted[1]) in {"月", "月份"}:
            month, end = int(counted[0]), counted[1] + 1
            day = number_at(words, end)
            if day is None or words.text(day[1]) in {"点", "时", ":", "台", "个"}:
                start = self._latest(month, 1) if year is None else self._date(year, month, 1)
                first, until = month_of(self._now, start.year, start.month)
                return Period(begin=at, end=end, start=first, until=until)
            end = day[1] + (words.text(day[1]) in {"日", "号"})
            number = int(day[0])
            return self._day(at, end, self._latest(month, number) if year is None else self._date(year, month, number))
        if year is not None:
            first = self._date(year, 1, 1)
            return Period(begin=at, end=end, start=first, until=first.replace(year=year + 1))
        if counted is None or words.text(counted[1]) not in {"号", "日"}:
            return None
        machine = words.has(counted[1] + 1, Kind.DEVICE_WORD) or words.text(counted[1] + 1) in {"机", "机器"}
        if machine or words.has(at - 1, Kind.DEVICE_WORD) or words.has(counted[1] + 1, Kind.GROUP):
            return None
        return self._day(at, counted[1] + 1, self._day_of_month(int(counted[0])))

    def _month(self, at: int) -> Period | None:
        """Nov 27, 27 Nov 2026, the 27th of November, November 2026, in November; the 27th."""
        words = self._words
        month = words.senses(at).get(Kind.MONTH)
        if isinstance(month, int):
            day, end = self._day_number(at + 1)
            if day is None:
                return self._whole_month(at, month)
            return self._with_year(at, end, month, day)
        day, end = self._day_number(at)
        if day is None:
            return None
        end += words.text(end) == "of"
        month = words.senses(end).get(Kind.MONTH)
        if isinstance(month, int):
            return self._with_year(at, end + 1, month, day)
        listed = words.text(at - 2) in _SUFFIXES and (words.has(at - 1, Kind.AND) or words.has(at - 1, Kind.TO))
        led = listed or words.text(at - 1) in {"the", "on", "on the", "since"}
        suffixed = words.text(at + 1) in _SUFFIXES and led
        return self._day(at, at + 2, self._day_of_month(day)) if suffixed else None

    def _quarter(self, at: int) -> Period | None:
        """Q3, Q3 2025, the third quarter: the last one that has begun where no year is named."""
        words = self._words
        last = words.has(at, Kind.LAST) and words.text(at + 1) == "quarter" and words.text(at + 2) not in {"of", "hour"}
        if last:
            start, until = calendar_period(self._now, "q", 1)
            return Period(begin=at, end=at + 2, start=start, until=until)
        number = self._words.senses(at).get(Kind.QUARTER)
        if not isinstance(number, int):
            return None
        digits = self._words.digits(at + 1)
        year = int(digits) if len(digits) == 4 else self._latest(3 * number - 2, 1).year
        start = self._date(year, 3 * number - 2, 1)
        until = month_of(self._now, year, 3 * number)[1]
        return Period(begin=at, end=at + 1 + (len(digits) == 4), start=start, until=until)

    def _day_number(self, at: int) -> tuple[int | None, int]:
        digits = self._words.digits(at)
        if not digits.isdecimal() or not 1 <= int(digits) <= 31 or self._words.text(at + 1) == ":":
            return None, at
        suffixed = self._words.text(at + 1) in _SUFFIXES and self._words.glued(at + 1)
        return int(digits), at + 1 + suffixed

    def _with_year(self, at: int, end: int, month: int, day: int) -> Period | None:
        after = end + (self._words.text(end) == ",")
        digits = self._words.digits(after)
        if len(digits) == 4 and digits.isdecimal():
            return self._day(at, after + 1, self._date(int(digits), month, day))
        return self._day(at, end, self._latest(month, day))

    def _whole_month(self, at: int, month: int) -> Period | None:
        words = self._words
        digits = words.digits(at + 1)
        if len(digits) == 4 and digits.isdecimal():
            start, until = month_of(self._now, int(digits), month)
            return Period(begin=at, end=at + 2, start=start, until=until)
        # "may" and "mar" are words of their own.
        if len(words.text(at)) == 3 and words.text(at - 1) not in {"in", "since", "during", "of", "until", "last"}:
            return None
        start, until = month_of(self._now, self._latest(month, 1).year, month)
        return Period(begin=at, end=at + 1, start=start, until=until)

    def _year(self, at: int) -> Period | None:
        digits = self._words.digits(at)
        said = self._words.text(at - 1) in {"in", "during", "of", "since", "for", "year"}
        if not said or len(digits) != 4 or int(digits) not in self._years:
            return None
        first = self._date(int(digits), 1, 1)
        return Period(begin=at, end=at + 1, start=first, until=first.replace(year=first.year + 1))
