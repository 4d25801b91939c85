"""Days, weeks, months and years named in a question: "2026-11-27", "27/11/2026", "Nov 27", "11月27日", "yesterday"."""

from datetime import datetime, timedelta
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.number import length_at, number_at
from llm_service.domain.offline.period import Period, before, calendar_period, midnight, month_of, part_of_day
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_time import NamedDay, PartOfDay, RelativePeriod, Weekday

_SEPARATORS: Final = frozenset({"-", "/", "."})
_SUFFIXES: Final = frozenset({"st", "nd", "rd", "th"})
_EARLIER: Final = frozenset({"before", "earlier", "prior"})
_AGAIN: Final = frozenset({"再", "上", "再往", "更"})
_BEFORE_LENGTH: Final = frozenset({"in", "within", "over", "during", "for", "in the", "over the", "during the"})


class CalendarReader:
    """Reads the periods of one sentence; `now` is in the zone its times are in."""

    def __init__(self, sentence: Sentence, now: datetime) -> None:
        self._words = sentence
        self._now = now
        self._years = {
            int(digits)
            for at in range(len(sentence))
            if len(digits := sentence.digits(at)) == 4 and 1900 <= int(digits) < 2100
        }

    def period_at(self, at: int) -> Period | None:
        """Return the period that begins at `at`."""
        try:
            return (
                self._quarter(at)
                or self._before_last(at)
                or self._coming(at)
                or self._rolling(at)
                or self._ago(at)
                or self._numeric(at)
                or self._chinese(at)
                or self._month(at)
                or self._same_time(at)
                or self._named(at)
                or self._year(at)
            )
        except (ValueError, OverflowError):
            return None

    def _rolling(self, at: int) -> Period | None:
        """ "last two hours", "最近两个半小时", "24小时内", "within 24 hours"."""
        words = self._words
        if words.has(at, Kind.LAST):
            start = at + 1 + (words.text(at + 1) in {"of", "的", "full"})
            length = length_at(words, start, bare=True)
            end = length.end if length else 0
        else:
            length = length_at(words, at)
            end = length.end if length else 0
            inside = words.has(end, Kind.WITHIN)
            if not inside and words.text(at - 1) not in _BEFORE_LENGTH:
                return None
            end += inside
        if length is None or (words.has(end, Kind.AGO) and words.text(at) not in {"前", "上"}):
            return None
        end += words.has(end, Kind.WITHIN)
        return Period(begin=at, end=end, start=before(self._now, length.value), until=self._now, rolling=True)

    def _before_last(self, at: int) -> Period | None:
        """ "The hour before last", "two hours before the last two", "上上个小时", "再上一小时"."""
        words = self._words
        length = length_at(words, at, bare=True)
        if length is not None and words.text(length.end) in _EARLIER and self._follows_last(at, length.end + 1):
            return self._earlier(at, length.end + 1, length.value)
        if length is not None and words.has(length.end, Kind.BEFORE_LAST):
            end = length.end + 1
            again = length_at(words, end, bare=True)
            end = again.end if again and again.value == length.value else end
            return self._earlier(at, end + words.text(end).startswith("one"), length.value)
        if words.text(at) in _AGAIN and words.has(at + 1, Kind.LAST):
            length = length_at(words, at + 2, bare=True)
            if length is not None:
                return self._earlier(at, length.end, length.value)
        return None

    def _follows_last(self, at: int, end: int) -> bool:
        """Whether a last length of time was named before, and nothing follows that this one could be before."""
        ended = end >= len(self._words) or not self._words.text(end)[:1].isalnum()
        return ended and any(Kind.LAST in self._words.lexeme_senses(place) for place in range(at))

    def _earlier(self, at: int, end: int, length: timedelta) -> Period:
        """The length of time before the last such one."""
        start, until = before(self._now, 2 * length), before(self._now, length)
        return Period(begin=at, end=end, start=start, until=until, rolling=True)

    def _coming(self, at: int) -> Period | None:
        """ "The next hour", "未来两小时": a time still to come."""
        if not self._words.has(at, Kind.NEXT):
            return None
        length = length_at(self._words, at + 1, bare=True)
        if length is None:
            return None
        start = self._now + timedelta(seconds=1)
        return Period(begin=at, end=length.end, start=start, until=self._now + length.value, rolling=True)

    def _same_time(self, at: int) -> Period | None:
        """ "This time yesterday", "yesterday at the same time", "昨天这个时候": the moment so many days ago."""
        words = self._words
        first = words.senses(at).get(Kind.DAY)
        second = words.senses(words.skip(at + 1, (Kind.AT, Kind.FILLER))).get(Kind.DAY)
        behind = words.skip(at + 1, (Kind.AT, Kind.FILLER))
        if isinstance(first, NamedDay) and first.part is None and words.has(behind, Kind.SAME_TIME):
            day, end = first, behind + 1
        elif words.has(at, Kind.SAME_TIME) and isinstance(second, NamedDay) and second.part is None:
            day, end = second, behind + 1
        else:
            return None
        start = self._now + timedelta(days=day.days)
        return Period(begin=at, end=end, start=start, until=start + timedelta(minutes=1), exact=True)

    def _ago(self, at: int) -> Period | None:
        """The moment so long ago; of days and longer, the calendar day."""
        length = length_at(self._words, at)
        if length is None or not self._words.has(length.end, Kind.AGO):
            return None
        start = before(self._now, length.value)
        if length.unit in {"d", "w", "month", "y"}:
            day = midnight(start)
            return self._day(at, length.end + 1, day)
        width = timedelta(seconds=1) if length.unit == "s" else timedelta(minutes=1)
        return Period(begin=at, end=length.end + 1, start=start, until=start + width, exact=True)

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
        suffixed = words.text(at + 1) in _SUFFIXES and words.text(at - 1) in {"the", "on", "on the", "since"}
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

    def _weekday(self, at: int, end: int, weekday: Weekday, *, last: bool) -> Period:
        today = midnight(self._now)
        if weekday.back is not None:
            start = today - timedelta(days=today.weekday() + 7 * weekday.back - weekday.number)
        else:
            start = today - timedelta(days=(today.weekday() - weekday.number) % 7)
            start -= timedelta(days=7 if last and start == today else 0)
        return self._day(at, end, start)

    def _year(self, at: int) -> Period | None:
        digits = self._words.digits(at)
        said = self._words.text(at - 1) in {"in", "during", "of", "since", "for", "year"}
        if not said or len(digits) != 4 or int(digits) not in self._years:
            return None
        first = self._date(int(digits), 1, 1)
        return Period(begin=at, end=at + 1, start=first, until=first.replace(year=first.year + 1))

    def _day(self, at: int, end: int, start: datetime, *, part: PartOfDay | None = None, read_as: str = "") -> Period:
        """A day, with the part of it that follows ("yesterday afternoon") when no time of day does."""
        after = self._words.skip(end, (Kind.AT, Kind.FILLER)) if part is None else end
        named = self._words.senses(after).get(Kind.PART)
        timed = number_at(self._words, self._words.skip(after + 1, (Kind.AT,))) is not None
        if part is None and isinstance(named, PartOfDay) and not timed:
            part, end = named, after + 1
        begin, until = part_of_day(start, part) if part else (start, start + timedelta(days=1))
        return Period(begin=at, end=end, start=begin, until=until, part=part, read_as=read_as)

    def _date(self, year: int, month: int, day: int) -> datetime:
        return midnight(self._now).replace(year=year, month=month, day=day)

    def _latest(self, month: int, day: int) -> datetime:
        """The day in the only year that the sentence names, else the last such day that is not in the future."""
        if len(self._years) == 1:
            return self._date(next(iter(self._years)), month, day)
        start = self._date(self._now.year, month, day)
        return start if start <= self._now else start.replace(year=start.year - 1)

    def _day_of_month(self, day: int) -> datetime:
        start = midnight(self._now).replace(day=day)
        if start <= self._now:
            return start
        month = self._now.year * 12 + self._now.month - 2
        return start.replace(year=month // 12, month=month % 12 + 1)
