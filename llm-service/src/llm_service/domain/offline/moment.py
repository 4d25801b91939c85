"""The moments a question names: days, times of day, both side by side, and which of them are the ends of one range."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from llm_service.domain.offline.calendar_date import CalendarReader
from llm_service.domain.offline.clock import Clock, bare_clock_at, clock_at
from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.period import Period, part_of_day
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.token import is_code
from llm_service.domain.offline.words_time import PartOfDay

JOINS: Final = (Kind.AT, Kind.FILLER)
_NOT_A_TIME: Final = (
    *(Kind.UNIT, Kind.TIME_UNIT, Kind.ROWS, Kind.DEVICE_WORD, Kind.PERCENTILE, Kind.FIELD, Kind.HALF_OF, Kind.MONTH),
)
_NO_TIME_SIGNS: Final = frozenset({"/", "%", "th", "号", "台", "条", "个"})
_DIFFERENCE: Final = frozenset(
    {
        *("difference", "differ", "differs", "differed", "difference between", "compare"),
        *("compared", "comparison", "差", "相差", "差多少", "差异", "差别", "对比", "比较", "相比"),
    }
)
_MACHINES: Final = frozenset(
    {"machines", "the machines", "devices", "welders", "halls", "lines", "每台", "各台", "各台机器", "每台机器", "两台"}
)
_REACH: Final = 8
_UNTIL: Final = frozenset({"to", "until", "till", "through", "thru", "up to", "到", "至", "直到", "to the"})
_HOURS: Final = frozenset({"h", "hrs", "uhr"})
_LINKING: Final = _UNTIL | {"-", "–", "—", "~", "bis"}
# Before these a number of hours is a length.
_MEASURED: Final = frozenset(
    {
        *("of", "for", "lasting", "lasted", "last", "past", "within", "every", "than", "about", "took", "takes"),
        *("over", "under", "least", "most", "up to", "longer than", "shorter than", "at least", "持续", "超过", "少于"),
    }
)
_AND: Final = frozenset({"and", "和", "与"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A day (or longer), a time of day, both side by side, or now."""

    begin: int
    end: int
    day: Period | None = None
    clock: Clock | None = None
    now: bool = False


class MomentReader:
    """Reads the moments of one sentence; `now` is in the zone its times are in."""

    def __init__(self, sentence: Sentence, now: datetime) -> None:
        self._words = sentence
        self._now = now
        self._calendar = CalendarReader(sentence, now)

    def moments(self) -> list[Moment]:
        """Return the moments from left to right."""
        return self._inherited(_of_one_day(self._joined(self._supported(self._pieces()))))

    def _pieces(self) -> list[Moment]:
        """Days and times of day from left to right, each place read once."""
        pieces: list[Moment] = []
        at = 0
        while at < len(self._words):
            piece = self._piece_at(at)
            if piece is None:
                at += 1
                continue
            pieces.append(piece)
            at = piece.end
        return pieces

    def _piece_at(self, at: int) -> Moment | None:
        if at in self._words.used:
            return None
        if (clock := clock_at(self._words, at)) is not None:
            return Moment(begin=at, end=clock.end, clock=clock)
        if (period := self._calendar.period_at(at)) is not None:
            return Moment(begin=at, end=period.end, day=period)
        part = self._words.senses(at).get(Kind.PART)
        if isinstance(part, PartOfDay) and not self._is_of_other(at):
            start, until = part_of_day(self._now, part)
            if start > self._now:
                start, until = part_of_day(self._now - timedelta(days=1), part)
            named = Period(begin=at, end=at + 1, start=start, until=until, part=part, undated=True)
            return Moment(begin=at, end=at + 1, day=named)
        if (bare := bare_clock_at(self._words, at)) is not None:
            named = self._is_hour_of_range(bare)
            clock = replace(bare, bare=not named, exact=bare.exact or named)
            return Moment(begin=at, end=bare.end + named, clock=clock)
        return Moment(begin=at, end=at + 1, now=True) if self._words.has(at, Kind.NOW) else None

    def _is_hour_of_range(self, clock: Clock) -> bool:
        """Whether an "h" behind a number makes it a time of day: "6 to 14 h", "6h-14h", but "stops of 6 to 14 h"."""
        words = self._words
        if words.text(clock.end) not in _HOURS:
            return False
        link, first = clock.begin - 1, clock.begin - 2
        if words.text(link) in _LINKING:
            first -= words.text(first) in _HOURS
            opens = bare_clock_at(words, first)
            return opens is not None and opens.seconds != clock.seconds and words.text(first - 1) not in _MEASURED
        after = bare_clock_at(words, clock.end + 2) if words.text(clock.end + 1) in _LINKING else None
        later = after is not None and words.text(after.end) in _HOURS and after.seconds != clock.seconds
        return later and words.text(clock.begin - 1) not in _MEASURED

    def _is_of_other(self, at: int) -> bool:
        """Whether a half is that of something else than a day: "the first half of the week"."""
        words = self._words
        behind = at + 1 + (words.text(at + 1) in {"of", "的"})
        days = any(words.has(place, kind) for place in range(len(words)) for kind in (Kind.DAY, Kind.WEEKDAY))
        dated = behind > at + 1 and (words.has(behind, Kind.DAY) or words.has(behind, Kind.WEEKDAY))
        halves = words.text(at).endswith("half") or words.text(at) in {"前半段", "前半", "后半段", "后半"}
        return halves and not dated and (behind > at + 1 or not days)

    def _supported(self, pieces: Sequence[Moment]) -> list[Moment]:
        """Without the bare numbers that nothing around them makes a time, and the "now" that ends no range."""
        kept: list[Moment] = []
        for at, piece in enumerate(pieces):
            before = pieces[at - 1] if at else None
            after = pieces[at + 1] if at + 1 < len(pieces) else None
            if piece.clock and piece.clock.bare and not self._is_time(piece, before, after):
                continue
            if piece.now and not (before and self._links(before, piece)):
                continue
            kept.append(piece)
        return kept

    def _is_time(self, piece: Moment, before: Moment | None, after: Moment | None) -> bool:
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
        if after and after.day and not after.day.rolling and self._gap(piece, after, JOINS):
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
        return said in {"at", "since", "after", "before", "until", "till", "around"} and (
            not words.text(piece.end).isalpha() or words.has(piece.end, Kind.FILLER) or words.has(piece.end, Kind.IN)
        )

    def _range_said(self, first: Moment, second: Moment) -> bool:
        """Whether two numbers are said to be times: by a word before them, a half of the day, or a day beside them."""
        words = self._words
        if any(moment.clock and not moment.clock.bare for moment in (first, second)):
            return True
        led = words.has(first.begin - 1, Kind.BETWEEN) or words.has(first.begin - 1, Kind.FROM)
        led = led or words.text(first.begin - 1) in {"(", "（"}
        if any(words.has(second.end, kind) for kind in _NOT_A_TIME) or words.text(second.end) in _NO_TIME_SIGNS:
            return False
        beside = any(words.has(at, Kind.DAY) for at in (first.begin - 1, second.end))
        return (led or beside) and not words.has(first.begin - 2, Kind.WHERE)

    def _joined(self, pieces: Sequence[Moment]) -> list[Moment]:
        """A day and the time of day beside it made one moment."""
        moments: list[Moment] = []
        for piece in pieces:
            last = moments[-1] if moments else None
            if last is None or not self._gap(last, piece, (*JOINS, Kind.SHIFT)) or self._parted(last, piece):
                moments.append(piece)
            elif last.day and last.day.is_day_or_part and not last.clock and piece.clock:
                moments[-1] = replace(last, end=piece.end, clock=of_part(piece.clock, last.day))
            elif last.day and last.clock and piece.day and piece.day.undated and _is_half_open(last.clock, piece):
                # "Yesterday at six in the evening".
                moments[-1] = replace(last, end=piece.end, clock=of_part(last.clock, piece.day))
            elif _is_part_before(last, piece) and last.day and piece.day:
                moments[-1] = replace(last, end=piece.end, day=_part_of(last.day, piece.day))
            elif last.clock and not last.day and piece.day and piece.day.is_day_or_part and not piece.clock:
                moments[-1] = replace(last, end=piece.end, day=piece.day, clock=of_part(last.clock, piece.day))
            else:
                moments.append(piece)
        return moments

    def _parted(self, first: Moment, second: Moment) -> bool:
        """Whether "until" or "and" is between two moments, though they may say nothing elsewhere: "8点到中午"."""
        between = range(first.end, second.begin)
        return any(self._words.has(at, Kind.TO) and self._words.text(at) in _UNTIL | _AND for at in between)

    def _inherited(self, moments: Sequence[Moment]) -> list[Moment]:
        """ "下午4点、5点": in a list the half of the day and the day are those of the time before."""
        found: list[Moment] = []
        for moment in moments:
            last = found[-1] if found else None
            follows = last is not None and last.clock and moment.clock and not moment.clock.marked
            alike = last is not None and (self._listed(last, moment) or self._compared(last, moment))
            if last and follows and alike and not (moment.clock and moment.clock.exact):
                found.append(_of_the_same_half(moment, last))
            else:
                found.append(moment)
        return found

    def _compared(self, first: Moment, second: Moment) -> bool:
        """ "Hotter at eight in the evening than at seven": of the same half of the day."""
        between = range(first.end, second.begin)
        return len(between) <= _REACH and any(self._words.text(at) in {"比", "than"} for at in between)

    def _listed(self, first: Moment, second: Moment) -> bool:
        return self._gap(first, second, (Kind.AND, *JOINS)) and not self.is_range(first, second)

    def _gap(self, first: Moment, second: Moment, kinds: tuple[Kind, ...]) -> bool:
        """Whether only words of these kinds, at most four, are between two moments."""
        between = range(first.end, second.begin)
        return len(between) <= 4 and all(
            any(self._words.has(at, kind) for kind in kinds) or self._words.text(at) == "," for at in between
        )

    def _links(self, first: Moment, second: Moment) -> bool:
        """Whether one "to" (and words that say nothing) is between two moments."""
        between = range(first.end, second.begin)
        links = [at for at in between if self._words.has(at, Kind.TO)]
        return bool(links) and self._gap(first, second, (Kind.TO, Kind.FROM, *JOINS))

    def is_range(self, first: Moment, second: Moment) -> bool:
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
        if self._words.text(second.begin - 1) == "at" or not (first.clock and second.clock):
            # "At noon and at six" are two moments.
            return led or closed
        return led or closed or (not first.clock.marked and not first.clock.exact and second.clock.marked)

    def _differs(self, first: Moment, second: Moment) -> bool:
        """Whether the difference of two times is asked for, not what is between them: that is of several devices."""
        words = self._words
        asked = any(words.text(at) in _DIFFERENCE for at in range(len(words)))
        codes = {lexeme.text for lexeme in words.lexemes if is_code(lexeme.text) or Kind.DEVICE in lexeme.senses}
        several = len(list(words.find(Kind.GROUP))) > 1 or any(words.text(at) in _MACHINES for at in range(len(words)))
        return asked and len(codes) < 2 and not several and bool(first.clock) == bool(second.clock)


def _is_half_open(clock: Clock, part: Moment) -> bool:
    """Whether the half of the day that a time leaves open is said by the part behind it."""
    return not clock.marked and part.clock is None and part.day is not None and part.day.part is not PartOfDay.NOON


def _is_part_before(part: Moment, day: Moment) -> bool:
    """Whether a part of a day stands before its day: "in the morning yesterday"."""
    named = part.day is not None and part.day.undated and not part.clock
    return named and day.day is not None and day.day.is_day and day.day.part is None and not day.clock


def _part_of(part: Period, day: Period) -> Period:
    """The part of a day with the day that was named for it."""
    if part.part is None:
        return part
    start, until = part_of_day(day.start, part.part)
    return replace(part, start=start, until=until, undated=False)


def _of_one_day(moments: Sequence[Moment]) -> list[Moment]:
    """ "Yesterday morning and afternoon": parts of a day without one are of the only day that is named."""
    days = {moment.day.start.date(): moment.day for moment in moments if moment.day and _is_dated(moment.day)}
    if len(days) != 1:
        return list(moments)
    day = next(iter(days.values()))
    return [
        replace(moment, day=_part_of(moment.day, day)) if moment.day and moment.day.undated else moment
        for moment in moments
    ]


def _is_dated(day: Period) -> bool:
    return day.is_day_or_part and not day.undated


def of_part(clock: Clock, day: Period) -> Clock:
    """Return the clock with the part of the day that was said beside it, which says which eight "8" is."""
    if day.part is None or clock.marked or clock.exact:
        return replace(clock, bare=False) if day.part else clock
    return replace(clock, part=day.part, bare=False)


def _of_the_same_half(moment: Moment, before: Moment) -> Moment:
    if moment.clock is None or before.clock is None:
        return moment
    clock = replace(moment.clock, half=before.clock.half, part=before.clock.part)
    return replace(moment, clock=clock, day=moment.day or before.day)
