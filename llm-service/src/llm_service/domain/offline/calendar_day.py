"""Single days, as the readers of dates make periods of them."""

from datetime import datetime, timedelta

from llm_service.domain.offline.day_list import listed_days
from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.number import number_at
from llm_service.domain.offline.period import Period, midnight, part_of_day
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_time import PartOfDay


class CalendarDays:
    """What dates are read with; `now` is in the zone the times of the sentence are in."""

    def __init__(self, sentence: Sentence, now: datetime) -> None:
        self._words = sentence
        self._now = now
        self._listed = listed_days(sentence)
        self._years = {
            int(digits)
            for at in range(len(sentence))
            if len(digits := sentence.digits(at)) == 4 and 1900 <= int(digits) < 2100
        }

    def _day(self, at: int, end: int, start: datetime, *, part: PartOfDay | None = None, read_as: str = "") -> Period:
        """A day, with the part of it that follows ("yesterday afternoon") when no time of day does."""
        after = self._words.skip(end, (Kind.AT, Kind.FILLER)) if part is None else end
        named = self._words.senses(after).get(Kind.PART)
        timed = number_at(self._words, self._words.skip(after + 1, (Kind.AT,))) is not None
        if part is None and isinstance(named, PartOfDay) and not timed:
            part, end = named, after + 1
        begin, until = part_of_day(start, part) if part else (start, start + timedelta(days=1))
        return Period(begin=at, end=end, start=begin, until=until, part=part, read_as=read_as)

    def _listed_day(self, at: int) -> Period | None:
        """A day whose month another day of its list names: the 1st of "on 1 and 2 February"."""
        listed = self._listed.get(at)
        if listed is None:
            return None
        month, day = listed.month, listed.day
        start = self._date(listed.year, month, day) if listed.year else self._latest(month, day)
        return self._day(at, listed.end, start)

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
