"""The ranges of time a question asks for, put together from the days and the times of day in it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from llm_service.domain.offline.calendar_date import CalendarReader
from llm_service.domain.offline.clock import Clock, bare_clock_at, clock_at, in_same_half
from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.period import Period, at_seconds, midnight, part_of_day
from llm_service.domain.offline.query import Note, Remark, TimeRange
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.token import is_code
from llm_service.domain.offline.words_time import PartOfDay
from llm_service.domain.offline.zone import FoundZone, find_zone

_JOINS: Final = (Kind.AT, Kind.FILLER)
_NOT_A_TIME: Final = (
    *(Kind.UNIT, Kind.TIME_UNIT, Kind.ROWS, Kind.DEVICE_WORD, Kind.PERCENTILE, Kind.FIELD, Kind.HALF_OF, Kind.MONTH),
)
_NO_TIME_SIGNS: Final = frozenset({"/", "%", "th", "号", "台", "条", "个"})
_CLOSINGS: Final = frozenset(
    {"之间", "间", "期间", "这段时间", "内", "the next day", "the following day", "the next morning", "next day"}
)
_DIFFERENCE: Final = frozenset(
    {
        *("difference", "differ", "differs", "differed", "difference between", "change", "changed", "compare"),
        *("compared", "comparison", "差", "相差", "差多少", "差异", "差别", "变化", "对比", "比较", "相比"),
    }
)
_AND: Final = frozenset({"and", "和", "与"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTime:
    """The ranges in the order of their mention, and the zone they were said in ("" for that of now).

    `clocked` says that times of day were named; `future` is what was said of days that are still to come.
    """

    ranges: tuple[TimeRange, ...] = ()
    clocked: bool = False
    future: str = ""
    zone: str = ""
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment:
    """A day (or longer), a time of day, both side by side, or now."""

    begin: int
    end: int
    day: Period | None = None
    clock: Clock | None = None
    now: bool = False


def find_times(sentence: Sentence, now: datetime) -> FoundTime:
    """Return the ranges of time in `sentence`, and mark its words.

    `now` is timezone-aware: times without a zone are in its zone. "last hour" and other numbered lengths roll back
    from now, "last week" and "last month" are calendar ones.
    """
    try:
        zone = find_zone(sentence, now)
        return _TimeReader(sentence, now.astimezone(zone.zone) if zone else now, zone).read()
    except (OverflowError, ValueError):
        # Beyond the calendar nothing is read; the words stay unread.
        return FoundTime()


class _TimeReader:
    def __init__(self, sentence: Sentence, now: datetime, zone: FoundZone | None) -> None:
        self._words = sentence
        self._now = now
        self._zone = zone
        self._calendar = CalendarReader(sentence, now)

    def read(self) -> FoundTime:
        moments = self._inherited(self._joined(self._supported(self._pieces())))
        linked = {first: second for first, second in pairwise(moments) if self._is_range(first, second)}
        day = next((moment.day for moment in moments if moment.day and moment.day.is_day), None)
        clocked = any(moment.clock and not moment.day for moment in moments)
        ranges: list[TimeRange] = []
        skip: _Moment | None = None
        for moment in moments:
            if moment is skip:
                continue
            second = linked.get(moment)
            found = self._range(moment, second, day) if second else self._single(moment, day, clocked)
            skip = second
            if found is not None and found not in ranges and _in_calendar(found):
                ranges.append(found)
            self._mark(moment, second)
        written = [moment.day for moment in moments if moment.day and moment.day.read_as]
        notes = tuple(
            Note(remark=Remark.DAY_FIRST, words=(self._written(period), period.read_as)) for period in written
        )
        said = any(moment.clock for moment in moments)
        ahead = [moment.day for moment in moments if moment.day and moment.day.start > self._now]
        future = self._written(ahead[0]) if ahead and len(ahead) == len(moments) else ""
        return FoundTime(
            ranges=tuple(ranges), clocked=said, future=future, zone=self._zone.name if self._zone else "", notes=notes
        )

    def _written(self, period: Period) -> str:
        return "".join(self._words.raw(at) for at in range(period.begin, period.end))

    def _pieces(self) -> list[_Moment]:
        """Days and times of day from left to right, each place read once."""
        pieces: list[_Moment] = []
        at = 0
        while at < len(self._words):
            piece = self._piece_at(at)
            if piece is None:
                at += 1
                continue
            pieces.append(piece)
            at = piece.end
        return pieces

    def _piece_at(self, at: int) -> _Moment | None:
        if at in self._words.used:
            return None
        if (clock := clock_at(self._words, at)) is not None:
            return _Moment(begin=at, end=clock.end, clock=clock)
        if (period := self._calendar.period_at(at)) is not None:
            return _Moment(begin=at, end=period.end, day=period)
        if (part := self._words.senses(at).get(Kind.PART)) is not None and isinstance(part, PartOfDay):
            start, until = part_of_day(self._now, part)
            if start > self._now:
                start, until = part_of_day(self._now - timedelta(days=1), part)
            named = Period(begin=at, end=at + 1, start=start, until=until, part=part, undated=True)
            return _Moment(begin=at, end=at + 1, day=named)
        if (bare := bare_clock_at(self._words, at)) is not None:
            return _Moment(begin=at, end=bare.end, clock=bare)
        return _Moment(begin=at, end=at + 1, now=True) if self._words.has(at, Kind.NOW) else None

    def _supported(self, pieces: Sequence[_Moment]) -> list[_Moment]:
        """Without the bare numbers that nothing around them makes a time, and the "now" that ends no range."""
        kept: list[_Moment] = []
        for at, piece in enumerate(pieces):
            before = pieces[at - 1] if at else None
            after = pieces[at + 1] if at + 1 < len(pieces) else None
            if piece.clock and piece.clock.bare and not self._is_time(piece, before, after):
                continue
            if piece.now and not (before and self._links(before, piece)):
                continue
            kept.append(piece)
        return kept

    def _is_time(self, piece: _Moment, before: _Moment | None, after: _Moment | None) -> bool:
        words = self._words
        if any(words.has(piece.end, kind) for kind in _NOT_A_TIME) or words.text(piece.end) in _NO_TIME_SIGNS:
            # "9 / 10" and "5 °C" are no times; "8 this morning" is.
            return False
        if words.has(piece.begin - 1, Kind.OPERATOR) and words.text(piece.begin - 1) not in {"to", "under"}:
            return False
        if after and self._links(piece, after) and after.clock and self._range_said(piece, after):
            return True
        if before and self._links(before, piece) and before.clock and self._range_said(before, piece):
            return True
        if after and after.day and not after.day.rolling and self._gap(piece, after, _JOINS):
            return words.text(piece.begin - 1) in {
                "at",
                "since",
                "after",
                "before",
                "until",
                "by",
                "from",
                "till",
                "around",
            }
        said = words.text(piece.begin - 1)
        return (
            said in {"at", "since", "after", "before", "until", "till", "around"}
            and not words.text(piece.end).isalpha()
        )

    def _range_said(self, first: _Moment, second: _Moment) -> bool:
        """Whether two numbers are said to be times: by a word before them, a half of the day, or a day beside them."""
        words = self._words
        if any(moment.clock and not moment.clock.bare for moment in (first, second)):
            return True
        led = words.has(first.begin - 1, Kind.BETWEEN) or words.has(first.begin - 1, Kind.FROM)
        if any(words.has(second.end, kind) for kind in _NOT_A_TIME) or words.text(second.end) in _NO_TIME_SIGNS:
            return False
        beside = any(words.has(at, Kind.DAY) for at in (first.begin - 1, second.end))
        return (led or beside) and not words.has(first.begin - 2, Kind.WHERE)

    def _joined(self, pieces: Sequence[_Moment]) -> list[_Moment]:
        """A day and the time of day beside it made one moment."""
        moments: list[_Moment] = []
        for piece in pieces:
            last = moments[-1] if moments else None
            if last is None or not self._gap(last, piece, _JOINS):
                moments.append(piece)
            elif last.day and last.day.is_day_or_part and not last.clock and piece.clock:
                moments[-1] = replace(last, end=piece.end, clock=_of_part(piece.clock, last.day))
            elif last.clock and not last.day and piece.day and piece.day.is_day_or_part and not piece.clock:
                moments[-1] = replace(last, end=piece.end, day=piece.day, clock=_of_part(last.clock, piece.day))
            else:
                moments.append(piece)
        return moments

    def _inherited(self, moments: Sequence[_Moment]) -> list[_Moment]:
        """ "下午4点、5点": in a list the half of the day and the day are those of the time before."""
        found: list[_Moment] = []
        for moment in moments:
            last = found[-1] if found else None
            follows = last is not None and last.clock and moment.clock and not moment.clock.marked
            if last and follows and not (moment.clock and moment.clock.exact) and self._listed(last, moment):
                found.append(_of_the_same_half(moment, last))
            else:
                found.append(moment)
        return found

    def _listed(self, first: _Moment, second: _Moment) -> bool:
        return self._gap(first, second, (Kind.AND, *_JOINS)) and not self._is_range(first, second)

    def _gap(self, first: _Moment, second: _Moment, kinds: tuple[Kind, ...]) -> bool:
        """Whether only words of these kinds, at most four, are between two moments."""
        between = range(first.end, second.begin)
        return len(between) <= 4 and all(
            any(self._words.has(at, kind) for kind in kinds) or self._words.text(at) == "," for at in between
        )

    def _links(self, first: _Moment, second: _Moment) -> bool:
        """Whether one "to" (and words that say nothing) is between two moments."""
        between = range(first.end, second.begin)
        links = [at for at in between if self._words.has(at, Kind.TO)]
        return bool(links) and self._gap(first, second, (Kind.TO, Kind.FROM, *_JOINS))

    def _is_range(self, first: _Moment, second: _Moment) -> bool:
        """ "A to B"; "A and B" only after "between", as "today and yesterday" are two ranges."""
        if not self._links(first, second) or (first.day and first.day.rolling):
            return False
        link = next(at for at in range(first.end, second.begin) if self._words.has(at, Kind.TO))
        if self._words.text(link) in _AND and self._differs(first, second):
            return False
        if self._words.text(link) not in _AND:
            return True
        led = any(
            self._words.has(at, kind) for at in range(first.begin - 1, first.end) for kind in (Kind.BETWEEN, Kind.FROM)
        )
        closed = self._words.text(second.end) in {"之间", "间"}
        return led or closed or bool(first.clock and second.clock and not first.clock.marked and second.clock.marked)

    def _differs(self, first: _Moment, second: _Moment) -> bool:
        """Whether the difference of two times is asked for, not what is between them: that is of several devices."""
        words = self._words
        asked = any(words.text(at) in _DIFFERENCE for at in range(len(words)))
        codes = {lexeme.text for lexeme in words.lexemes if is_code(lexeme.text) or Kind.DEVICE in lexeme.senses}
        return asked and len(codes) < 2 and bool(first.clock) == bool(second.clock)

    def _range(self, first: _Moment, second: _Moment, day: Period | None) -> TimeRange | None:
        if second.now:
            return TimeRange(start=self._start(first, day))
        if second.day and second.day.undated and second.day.part and first.day and first.day.is_day_or_part:
            # "Friday 9 am to noon": the noon of that Friday.
            begin, until = part_of_day(first.day.start, second.day.part)
            second = replace(second, day=replace(second.day, start=begin, until=until))
        if first.clock is None or second.clock is None:
            start = self._start(first, second.day if second.day and second.day.is_day_or_part else day)
            until = self._end(second, first.day or day)
            return TimeRange(start=start, end=until) if until > start else None
        return self._clock_range(first, second, day)

    def _clock_range(self, first: _Moment, second: _Moment, day: Period | None) -> TimeRange:
        assert first.clock and second.clock
        opening, closing = first.clock, second.clock
        if second.day and second.day.part and not first.day:
            opening = _of_part(opening, second.day)
        if first.day and second.day and first.day.start.date() != second.day.start.date():
            start = self._on(first.day, opening, opening.of_day())
            return TimeRange(start=start, end=self._on(second.day, closing, closing.of_day()))
        own = first.day or second.day or day
        if own and own.part and not opening.marked and not closing.marked:
            opening, closing = _of_part(opening, own), _of_part(closing, own)
        begin, end = in_same_half(opening, closing)
        zone = opening.zone or closing.zone
        opening, closing = replace(opening, zone=zone), replace(closing, zone=closing.zone or zone)
        start, until = self._on(own, opening, begin), self._on(own, closing, end)
        if own is None and start > self._now:
            start, until = start - timedelta(days=1), until - timedelta(days=1)
        return TimeRange(start=start, end=until)

    def _on(self, day: Period | None, clock: Clock, seconds: int) -> datetime:
        """The time of day on `day`; a night belongs to the day it began on."""
        base = midnight(day.start if day else self._now)
        if clock.zone is not None:
            base = base.replace(tzinfo=clock.zone)
        return at_seconds(base, seconds)

    def _start(self, moment: _Moment, day: Period | None) -> datetime:
        if moment.clock is None:
            assert moment.day is not None
            return moment.day.edge
        own = moment.day or day
        start = self._on(own, moment.clock, moment.clock.of_day())
        return start - timedelta(days=1) if own is None and start > self._now else start

    def _end(self, moment: _Moment, day: Period | None) -> datetime:
        if moment.clock is not None:
            return self._start(moment, day)
        assert moment.day is not None
        sharp = moment.day.rolling or moment.day.exact or moment.day.edge != moment.day.start
        return moment.day.edge if sharp else moment.day.until

    def _single(self, moment: _Moment, day: Period | None, clocked: bool) -> TimeRange | None:
        if moment.clock is None and moment.day is None:
            return None
        if moment.clock is None and clocked and moment.day and moment.day.is_day_or_part:
            # It only says of which day the times of day elsewhere in the sentence are.
            return None
        start = self._start(moment, day)
        words = self._words
        at = words.skip(moment.begin - 1, (*_JOINS, Kind.PART), step=-1)
        lead = next((each for each in (moment.begin - 1, at) if self._leads(each)), None)
        rolling = moment.day is not None and moment.day.rolling
        if not rolling and (words.has(moment.end, Kind.SINCE_AFTER) or self._since(lead, moment)):
            self._words.use(moment.end, moment.end + words.has(moment.end, Kind.SINCE_AFTER))
            self._use_lead(lead)
            return TimeRange(start=start)
        until = self._until(lead, moment)
        if not rolling and until is not None:
            self._use_lead(lead)
            whole = moment.clock is None and until
            return TimeRange(end=moment.day.until if whole and moment.day else start)
        if moment.clock is None:
            assert moment.day is not None
            return TimeRange(start=moment.day.start, end=moment.day.until, instant=moment.day.exact)
        return TimeRange(start=start, end=start + moment.clock.width, instant=start <= self._now)

    def _leads(self, at: int) -> bool:
        return any(self._words.has(at, kind) for kind in (Kind.SINCE, Kind.UNTIL))

    def _use_lead(self, lead: int | None) -> None:
        if lead is not None:
            self._words.use(lead, lead + 1)

    def _since(self, lead: int | None, moment: _Moment) -> bool:
        """ "from 8" is open, "from yesterday" is the day."""
        if lead is None or not self._words.has(lead, Kind.SINCE):
            return False
        return moment.clock is not None or self._words.text(lead) not in {"from", "从", "自"}

    def _until(self, lead: int | None, moment: _Moment) -> bool | None:
        """Whether the range ends with the moment (True) or before it (False); None when it does not end there."""
        after = self._words.senses(moment.end).get(Kind.UNTIL_AFTER)
        if isinstance(after, bool):
            self._words.use(moment.end, moment.end + 1)
            return after
        value = self._words.senses(lead).get(Kind.UNTIL) if lead is not None else None
        return value if isinstance(value, bool) else None

    def _mark(self, moment: _Moment, second: _Moment | None) -> None:
        """Mark the words of a range with those that lead to and link it."""
        words = self._words
        end = second.end if second else moment.end
        begin = moment.begin
        while begin > 0 and any(words.has(begin - 1, kind) for kind in (Kind.BETWEEN, Kind.FROM, Kind.AT)):
            if words.has(begin - 1, Kind.FIELD):
                break
            begin -= 1
        end += words.text(end) in _CLOSINGS
        words.use(begin, end)


def _in_calendar(time: TimeRange) -> bool:
    """Whether both ends are times in UTC too; raises OverflowError when they are not."""
    return all(moment.astimezone(UTC) for moment in (time.start, time.end) if moment)


def _of_the_same_half(moment: _Moment, before: _Moment) -> _Moment:
    if moment.clock is None or before.clock is None:
        return moment
    clock = replace(moment.clock, half=before.clock.half, part=before.clock.part)
    return replace(moment, clock=clock, day=moment.day or before.day)


def _of_part(clock: Clock, day: Period) -> Clock:
    """ "8 this morning": the part of the day says which eight it is."""
    if day.part is None or clock.marked or clock.exact:
        return replace(clock, bare=False) if day.part else clock
    return replace(clock, part=day.part, bare=False)
