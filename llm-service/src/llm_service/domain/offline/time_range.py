"""The ranges of time a question asks for, put together from the days and the times of day in it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from llm_service.domain.offline.clock import DAY, Clock, in_same_half
from llm_service.domain.offline.daily_hours import DailyHours, hours_of_days
from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.moment import JOINS, Moment, MomentReader, of_part
from llm_service.domain.offline.period import Period, at_seconds, midnight, moved, part_of_day
from llm_service.domain.offline.query import Note, Remark, TimeRange
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.token import TokenKind
from llm_service.domain.offline.words_time import PartOfDay
from llm_service.domain.offline.zone import FoundZone, find_zone

_CLOSINGS: Final = frozenset(
    {"之间", "间", "期间", "这段时间", "内", "the next day", "the following day", "the next morning", "next day"}
)

_AFTER: Final = frozenset({"after", "later than", "以后", "之后", "过后", "后"})
_THIS_HOUR: Final = frozenset({"this hour", "the current hour", "本小时", "这个小时", "这一小时"})
_LAST_HOUR: Final = frozenset(
    {
        "previoushour",
        "lasthour",
        "hourbefore",
        "上一小时",
        "上一个小时",
        "上个小时",
        "前一小时",
        "前一个小时",
        "前个小时",
    }
)
_LINKS: Final = frozenset({"and", "and at", "和", "与", "跟", "及", "以及", "、", "vs", "versus", "&"})
_NIGHTS: Final = frozenset({PartOfDay.EVENING, PartOfDay.NIGHT})
_DAWN: Final = 6 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTime:
    """The ranges in the order of their mention, and the zone they were said in ("" for that of now).

    `now` is in that zone. `back` is how far the one range lies behind a time spoken of before.
    `undated` says that the one range names no day: "in the morning", "from 9 to 10". `half_open` says that it is a
    time of day that leaves open which half of the day is meant: "at three".
    `clocked` says that times of day were named; `future` is what was said of days that are
    still to come.
    """

    ranges: tuple[TimeRange, ...] = ()
    clocked: bool = False
    future: str = ""
    zone: str = ""
    notes: tuple[Note, ...] = ()
    now: datetime | None = None
    back: timedelta | None = None
    undated: bool = False
    half_open: bool = False


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
        self._moments = MomentReader(sentence, now)

    def read(self) -> FoundTime:
        moments = self._moments.moments()
        linked = {first: second for first, second in pairwise(moments) if self._moments.is_range(first, second)}
        day = next((moment.day for moment in moments if moment.day and moment.day.is_day), None)
        clocked = any(moment.clock and not moment.day for moment in moments)
        ranges: list[TimeRange] = []
        if daily := hours_of_days(moments, linked):
            return self._daily(moments, daily)
        skip: Moment | None = None
        for moment in moments:
            if moment is skip:
                continue
            second = linked.get(moment)
            found = self._range(moment, second, day) if second else self._single(moment, day, clocked)
            if found and (whole := self._whole_hour_before(moment, moments)):
                found = whole
            elif ranges and found and moment.day and moment.day.back:
                found = moved(ranges[-1], -moment.day.back)
            elif found in ranges and moment.day and moment.day.rolling:
                found = self._before(found, moment, moments)
            skip = second
            if found is not None and found not in ranges and _in_calendar(found):
                ranges.append(found)
            self._mark(moment, second)
        ranges = self._with_now(moments, ranges)
        written = [moment.day for moment in moments if moment.day and moment.day.read_as]
        notes = tuple(
            Note(remark=Remark.DAY_FIRST, words=(self._written(period), period.read_as)) for period in written
        )
        said = any(moment.clock for moment in moments)
        ahead = [moment.day for moment in moments if moment.day and moment.day.start > self._now]
        future = self._written(ahead[0]) if ahead and len(ahead) == len(moments) else ""
        return FoundTime(
            ranges=tuple(ranges),
            clocked=said,
            future=future,
            zone=self._zone.name if self._zone else "",
            notes=notes,
            now=self._now,
            back=next((m.day.back for m in moments if m.day and m.day.back), None) if len(ranges) == 1 else None,
            undated=len(ranges) == 1 and all(_is_undated(each) for each in moments),
            half_open=len(ranges) == len(moments) == 1 and _is_half_open(moments[0]),
        )

    def _with_now(self, moments: Sequence[Moment], ranges: list[TimeRange]) -> list[TimeRange]:
        """ "Now and one hour ago": the moment of now stands beside those that are named."""
        words = self._words
        if not ranges or not all(each.instant for each in ranges):
            return ranges
        begins, ends = {moment.begin for moment in moments}, {moment.end for moment in moments}
        for at in range(len(words)):
            if Kind.NOW not in words.lexeme_senses(at):
                continue
            after = at + 2 + (words.text(at + 2) in {"at", "the"})
            before = words.text(at + 1) in _LINKS and not begins.isdisjoint({after, at + 2})
            behind = words.text(at - 1) in _LINKS and at - 1 in ends
            if before or behind:
                words.use(at - behind, at + 1 + before)
                now = TimeRange(start=self._now, end=self._now + timedelta(minutes=1), instant=True)
                return [now, *ranges] if before else [*ranges, now]
        return ranges

    def _daily(self, moments: Sequence[Moment], daily: DailyHours) -> FoundTime:
        """The same hours of several days."""
        found: list[TimeRange] = []
        used = set(self._words.used)
        one = len({day.start.date() for day in daily.days}) == 1
        for day in daily.days:
            # The words that lead to the hours are read for each day.
            self._words.used.intersection_update(used)
            first, second = daily.on(day)
            each = self._range(first, second, day) if second else self._single(first, day, clocked=True)
            # "Since yesterday evening at 6" is of one evening, and goes on.
            opened = one and any(lexeme.text == "since" for lexeme in self._words.lexemes)
            if each and each.end is None and not opened:
                each = replace(each, end=day.until)
            found += [each] if each and _in_calendar(each) else []
        for moment in moments:
            self._mark(moment, daily.second if moment is daily.first else None)
        zone = self._zone.name if self._zone else ""
        return FoundTime(ranges=tuple(dict.fromkeys(found)), clocked=True, zone=zone, now=self._now)

    def _before(self, found: TimeRange | None, moment: Moment, moments: Sequence[Moment]) -> TimeRange | None:
        """ "The last hour and the previous hour": another word for the same length is the one before it.

        "This hour and the previous hour" are those of the clock.
        """
        said = {self._words.text(each.begin) for each in moments if each is not moment and each.day}
        if found is None or found.start is None or self._words.text(moment.begin) in said:
            return found
        return TimeRange(start=found.start - (self._now - found.start), end=found.start)

    def _whole_hour_before(self, moment: Moment, moments: Sequence[Moment]) -> TimeRange | None:
        """The hour of the clock before this one, where this one is named beside it."""
        this = next((each for each in moments if self._words.text(each.begin) in _THIS_HOUR), None)
        last = "".join(self._words.text(at) for at in range(moment.begin, moment.end)).replace(" ", "")
        if this is None or this.day is None or last.removeprefix("the") not in _LAST_HOUR:
            return None
        return TimeRange(start=this.day.start - timedelta(hours=1), end=this.day.start)

    def _written(self, period: Period) -> str:
        return "".join(self._words.raw(at) for at in range(period.begin, period.end))

    def _range(self, first: Moment, second: Moment, day: Period | None) -> TimeRange | None:
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

    def _clock_range(self, first: Moment, second: Moment, day: Period | None) -> TimeRange:
        assert first.clock and second.clock
        opening, closing = first.clock, second.clock
        if second.day and second.day.part and not first.day:
            opening = of_part(opening, second.day)
        if first.day and second.day and first.day.start.date() != second.day.start.date():
            start = self._on(first.day, opening, opening.of_day())
            return TimeRange(start=start, end=self._on(second.day, closing, closing.of_day()))
        own = first.day or second.day or day
        if own and own.part and not opening.marked and not closing.marked:
            opening, closing = of_part(opening, own), of_part(closing, own)
        begin, end = in_same_half(opening, closing)
        later = self._after_midnight(own, begin)
        if later and not closing.half and end - begin > DAY // 2:
            # "昨晚0点到6点" ends in the morning.
            end -= DAY // 2
        begin, end = begin + later, end + later
        zone = opening.zone or closing.zone
        opening, closing = replace(opening, zone=zone), replace(closing, zone=closing.zone or zone)
        start, until = self._on(own, opening, begin), self._on(own, closing, end)
        if (start > self._now and self._is_over(own)) or _ends_on(second, first, end):
            start, until = start - timedelta(days=1), until - timedelta(days=1)
        return TimeRange(start=start, end=until)

    def _on(self, day: Period | None, clock: Clock, seconds: int) -> datetime:
        """The time of day on `day`; a night belongs to the day it began on."""
        base = midnight(day.start if day else self._now)
        if clock.zone is not None:
            base = base.replace(tzinfo=clock.zone)
        return at_seconds(base, seconds)

    def _start(self, moment: Moment, day: Period | None) -> datetime:
        if moment.clock is None:
            assert moment.day is not None
            return moment.day.edge
        own = moment.day or day
        seconds = moment.clock.of_day()
        start = self._on(own, moment.clock, seconds + self._after_midnight(own, seconds))
        return start - timedelta(days=1) if start > self._now and self._is_over(own) else start

    def _after_midnight(self, day: Period | None, seconds: int) -> int:
        """A day in seconds where a time is after midnight of a night: "last night at 02:00", "at 2 am last night"."""
        night = day is not None and day.part in _NIGHTS and self._is_over(day)
        return DAY if night and seconds < _DAWN else 0

    def _is_over(self, day: Period | None) -> bool:
        """Whether hours of `day` can't be still to come: no day was named, or a night that began before today.

        At one in the night "last night at two" is said of the night before, as this night's two is yet to come.
        """
        return day is None or (day.part in _NIGHTS and midnight(day.start) < midnight(self._now))

    def _end(self, moment: Moment, day: Period | None) -> datetime:
        if moment.clock is not None:
            return self._start(moment, day)
        assert moment.day is not None
        sharp = moment.day.rolling or moment.day.exact or moment.day.edge != moment.day.start
        return moment.day.edge if sharp else moment.day.until

    def _single(self, moment: Moment, day: Period | None, clocked: bool) -> TimeRange | None:
        if moment.clock is None and moment.day is None:
            return None
        if moment.clock is None and clocked and moment.day and moment.day.is_day_or_part:
            return self._beside_clocks(moment.day)
        start = self._start(moment, day)
        words = self._words
        at = words.skip(moment.begin - 1, (*JOINS, Kind.PART), step=-1)
        # "Since yesterday evening at 6": the day stands between.
        parted = Kind.PART in words.lexeme_senses(at) or Kind.PART in words.lexeme_senses(at + 1)
        leads = (moment.begin - 1, at, *((at - 1, at - 2) if parted else ()))
        lead = next((each for each in leads if self._leads(each)), None)
        rolling = moment.day is not None and moment.day.rolling
        if not rolling and (self._open_behind(moment) or self._since(lead, moment)):
            self._words.use(moment.end, moment.end + words.has(moment.end, Kind.SINCE_AFTER))
            after = self._words.text(moment.end if lead is None else lead) in _AFTER
            self._use_lead(lead)
            own = moment.day or day
            past = after and moment.clock and own and own.is_day and own.until <= self._now
            # "Yesterday after 8" ends with yesterday.
            return TimeRange(start=start, end=own.until if past and own else None)
        until = self._until(lead, moment)
        if not rolling and until is not None:
            self._use_lead(lead)
            return self._ending(moment, moment.day or day, start, whole=until)
        if moment.clock is None:
            assert moment.day is not None
            return TimeRange(start=moment.day.start, end=moment.day.until, instant=moment.day.exact)
        return TimeRange(start=start, end=start + moment.clock.width, instant=start <= self._now)

    def _open_behind(self, moment: Moment) -> bool:
        """Whether "起" or "以来" follows, and is not the first character of an unknown word: "今天起重机"."""
        words, behind = self._words, moment.end + 1
        unknown = behind < len(words) and words.lexemes[behind].tokens[0].kind is TokenKind.HAN
        return words.has(moment.end, Kind.SINCE_AFTER) and not (unknown and not words.lexeme_senses(behind))

    @staticmethod
    def _ending(moment: Moment, day: Period | None, start: datetime, *, whole: bool) -> TimeRange:
        """The range up to a moment: "before noon today" is of today, "until yesterday" ends with that day."""
        if moment.clock:
            return TimeRange(start=midnight(day.start) if day and day.is_day else None, end=start)
        return TimeRange(end=moment.day.until if whole and moment.day else start)

    def _beside_clocks(self, day: Period) -> TimeRange | None:
        """What a day alone is beside times of day: it says of which day they are, and noon is one of them."""
        if not day.undated or day.part is not PartOfDay.NOON:
            return None
        return TimeRange(start=day.edge, end=day.edge + timedelta(minutes=1), instant=day.edge <= self._now)

    def _leads(self, at: int) -> bool:
        return any(self._words.has(at, kind) for kind in (Kind.SINCE, Kind.UNTIL))

    def _use_lead(self, lead: int | None) -> None:
        if lead is not None:
            self._words.use(lead, lead + 1)

    def _since(self, lead: int | None, moment: Moment) -> bool:
        """ "from 8" is open, "from yesterday" is the day."""
        if lead is None or not self._words.has(lead, Kind.SINCE):
            return False
        return moment.clock is not None or self._words.text(lead) not in {"from", "从", "自"}

    def _until(self, lead: int | None, moment: Moment) -> bool | None:
        """Whether the range ends with the moment (True) or before it (False); None when it does not end there."""
        after = self._words.senses(moment.end).get(Kind.UNTIL_AFTER)
        if isinstance(after, bool):
            self._words.use(moment.end, moment.end + 1)
            return after
        value = self._words.senses(lead).get(Kind.UNTIL) if lead is not None else None
        return value if isinstance(value, bool) else None

    def _mark(self, moment: Moment, second: Moment | None) -> None:
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
        # The name of a shift between a day and its hours counts where they are its hours.
        words.used.difference_update(at for at in range(begin, end) if Kind.SHIFT in words.lexeme_senses(at))


def _ends_on(second: Moment, first: Moment, end: int) -> bool:
    """Whether the day that is named is the one a night ends on: "22点到今天6点"."""
    named = second.day and not first.day and second.clock and second.day.begin < second.clock.begin
    return bool(named) and end > DAY


def _is_undated(moment: Moment) -> bool:
    """Whether a moment names no day: "in the morning", "at 9"."""
    return moment.day.undated if moment.day else moment.clock is not None


def _is_half_open(moment: Moment) -> bool:
    """Whether "at three" may be that of the afternoon."""
    clock = moment.clock
    return clock is not None and moment.day is None and not (clock.marked or clock.exact or clock.zone)


def _in_calendar(time: TimeRange) -> bool:
    """Whether both ends are times in UTC too; raises OverflowError when they are not."""
    return all(moment.astimezone(UTC) for moment in (time.start, time.end) if moment)
