"""Lengths of time that go back from now: "last two hours", "the hour before last", "an hour ago"."""

from datetime import timedelta
from typing import Final

from llm_service.domain.offline.calendar_day import CalendarDays
from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.number import UNIT_LENGTH, length_at, number_at
from llm_service.domain.offline.period import Period, before, midnight
from llm_service.domain.offline.words_time import NamedDay

_EARLIER: Final = frozenset({"before", "earlier", "prior"})
_LAST: Final = frozenset({"last", "the last", "the last one"})
_AGAIN: Final = frozenset({"再", "上", "再往", "更"})
_BEFORE_LENGTH: Final = frozenset({"in", "within", "over", "during", "for", "in the", "over the", "during the"})


class RollingPeriods(CalendarDays):
    """Reads the periods of one sentence that are told by their distance from now."""

    def _rolling(self, at: int) -> Period | None:
        """ "last two hours", "最近两个半小时", "24小时内", "within 24 hours"."""
        words = self._words
        if words.has(at, Kind.LAST) or (words.text(at) == "这" and number_at(words, at + 1) is not None):
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
        unit = words.senses(at).get(Kind.BACK)
        if isinstance(unit, str) and words.text(at + 1) in _LAST:
            end = at + 2
            again = length_at(words, end, bare=True)
            return self._earlier(at, again.end if again and again.unit == unit else end, UNIT_LENGTH[unit])
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
