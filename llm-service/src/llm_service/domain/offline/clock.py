"""Times of day: "9:30", "half past nine", "8 pm", "noon", "下午三点一刻"; and what a half of the day makes of them."""

from dataclasses import dataclass, replace
from datetime import UTC, timedelta, tzinfo
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.number import number_at
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_time import PartOfDay
from llm_service.domain.offline.zone import offset_at

DAY: Final = 24 * 60 * 60
_HALF: Final = DAY // 2
_HOUR: Final = 60
_POINT: Final = frozenset({"点", "点钟", "点整"})
_MINUTES: Final = frozenset({"minutes", "minute", "mins", "min"})
# Before "five to ten" these say that it is one time; without them it goes from five to ten.
_AT_ONE: Final = frozenset({"at", "by", "since", "until", "till", "before", "after"})
_NEARLY: Final = frozenset({"about", "around", "exactly", "roughly", "approximately"})
_NO_HOUR: Final = (Kind.UNIT, Kind.TIME_UNIT, Kind.ROWS, Kind.DEVICE_WORD, Kind.FIELD)
_NO_HOUR_SIGNS: Final = frozenset({":", "/", "%", "-", "th"})
_NOON: Final = 12
_FORENOON: Final = frozenset({"this morning", "in the morning"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """A time of day in seconds since midnight as it was written, as exact as `width` says.

    `half` ("am", "pm") or `part` say which half of the day is meant; `exact` that the 24-hour clock was used;
    `bare` that it is only a number, which needs words around it to be a time. `zone` when one is glued to it.
    """

    begin: int
    end: int
    seconds: int
    width: timedelta
    half: str = ""
    part: PartOfDay | None = None
    exact: bool = False
    bare: bool = False
    zone: tzinfo | None = None

    @property
    def marked(self) -> bool:
        """Whether the half of the day was said."""
        return bool(self.half or self.part)

    def of_day(self) -> int:
        """Return the seconds since midnight of the day it is said of; from DAY on it is in the night after."""
        hour = self.seconds // 3600
        if self.half:
            return self.seconds % _HALF + (_HALF if self.half == "pm" else 0) if hour <= 12 else self.seconds
        return self.seconds + _SHIFTS[self.part](hour) if self.part else self.seconds


def _of_morning(hour: int) -> int:
    return -_HALF if hour == 12 else 0


def _of_noon(hour: int) -> int:
    return _HALF if hour < 4 else 0


def _of_afternoon(hour: int) -> int:
    return _HALF if hour < 12 else 0


def _of_day(hour: int) -> int:
    return _HALF if hour < 6 else 0


def _of_night(hour: int) -> int:
    """Ten at night is of the day it is said of, two at night is of the next."""
    if hour == 12:
        return DAY - _HALF
    return DAY if hour < 5 else _of_afternoon(hour)


_FORENOONS: Final = frozenset({PartOfDay.MORNING, PartOfDay.FIRST_HALF})
# By how much a part of the day moves the hour that was said, in seconds.
_SHIFTS: Final = {
    PartOfDay.FIRST_HALF: _of_morning,
    PartOfDay.SECOND_HALF: _of_afternoon,
    PartOfDay.DAYTIME: _of_day,
    PartOfDay.EARLY: _of_morning,
    PartOfDay.MORNING: _of_morning,
    PartOfDay.NOON: _of_noon,
    PartOfDay.AFTERNOON: _of_afternoon,
    PartOfDay.EVENING: _of_night,
    PartOfDay.NIGHT: _of_night,
}


def clock_at(sentence: Sentence, at: int) -> Clock | None:
    """Return the time of day that begins at `at`."""
    part = sentence.senses(at).get(Kind.PART)
    if isinstance(part, PartOfDay):
        follows = sentence.skip(at + 1, (Kind.AT,))
        clock = clock_at(sentence, follows) or bare_clock_at(sentence, follows)
        timed = clock is not None and not clock.marked and (not clock.bare or sentence.text(clock.end) in _POINT)
        return replace(clock, begin=at, part=part, bare=False) if clock and timed else None
    clock = _named(sentence, at) or _digital(sentence, at) or _spoken(sentence, at) or _chinese(sentence, at)
    return _with_zone(sentence, clock) if clock else None


def bare_clock_at(sentence: Sentence, at: int) -> Clock | None:
    """Return a whole number from 0 to 24 at `at` as the time it may be."""
    counted = number_at(sentence, at)
    if counted is None or counted[0] % 1 or not 0 <= counted[0] <= 24:
        return None
    hour, end = counted
    exact = hour == 0 or hour > 12 or sentence.digits(at).startswith("0")
    return Clock(begin=at, end=end, seconds=int(hour) * 3600, width=timedelta(hours=1), bare=True, exact=exact)


def _named(sentence: Sentence, at: int) -> Clock | None:
    minutes = sentence.senses(at).get(Kind.CLOCK)
    if isinstance(minutes, int):
        return Clock(begin=at, end=at + 1, seconds=minutes * 60, width=timedelta(hours=1), exact=True)
    past, behind = sentence.senses(at).get(Kind.PAST), at + 1
    if (spoken := _minutes_of(sentence, at)) is not None:
        past, behind = spoken
    hour = bare_clock_at(sentence, behind) or _noon_at(sentence, behind)
    if not isinstance(past, int) or hour is None:
        return None
    seconds = (hour.seconds + past * 60) % DAY
    exact = hour.exact and not hour.bare
    clock = Clock(begin=at, end=hour.end, seconds=seconds, width=timedelta(minutes=1), exact=exact)
    halved = _with_half(sentence, clock)
    if past < 0 and halved.half and hour.seconds == _NOON * 3600:
        # "Five to twelve pm" is still in the morning.
        halved = replace(halved, half="am" if halved.half == "pm" else "pm")
    return halved


def _minutes_of(sentence: Sentence, at: int) -> tuple[int, int] | None:
    """The minutes past an hour ("ten past nine") or, below nought, to it ("at five to ten"), and where the hour is."""
    counted = number_at(sentence, at)
    if counted is None or not 0 < counted[0] < _HOUR or counted[0] % 1:
        return None
    minutes, end = int(counted[0]), counted[1]
    named = sentence.text(end) in _MINUTES
    end += named
    if sentence.text(end) == "past":
        return minutes, end + 1
    if sentence.text(end) == "after" and sentence.text(at - 1) == "at" and _is_hour(sentence, end + 1):
        return minutes, end + 1
    one = named or (minutes % 5 == 0 and _is_at_one(sentence, at, minutes, end + 1))
    return (-minutes, end + 1) if sentence.text(end) == "to" and one and _is_hour(sentence, end + 1) else None


def _noon_at(sentence: Sentence, at: int) -> Clock | None:
    """Noon or midnight as the hour that minutes are past or to: "five to noon"."""
    minutes = sentence.senses(at).get(Kind.CLOCK)
    if not isinstance(minutes, int):
        return None
    return Clock(begin=at, end=at + 1, seconds=minutes * 60, width=timedelta(hours=1), exact=True)


def _is_at_one(sentence: Sentence, at: int, minutes: int, hour_at: int) -> bool:
    """Whether what is around the words at `at` says that they are one time: "at", "at about", "since", another range.

    "Between ten to nine and ten past nine" has its own "and", and "ten to nine this morning" ends before it begins.
    """
    led = sentence.text(at - 1 - (sentence.text(at - 1) in _NEARLY))
    hour = bare_clock_at(sentence, hour_at)
    if led in _AT_ONE or hour is None:
        return led in _AT_ONE
    if led in {"between", "from"}:
        return sentence.text(hour.end) in ({"and"} if led == "between" else {"to", "until", "till"})
    forenoon = sentence.text(hour.end) in _FORENOON or sentence.text(hour.end + 1) == "morning"
    return minutes > hour.seconds // 3600 and forenoon


def _is_hour(sentence: Sentence, at: int) -> bool:
    """Whether a number of the twelve hours is at `at`, and nothing that is counted or measured behind it."""
    if _noon_at(sentence, at) is not None:
        return True
    hour = bare_clock_at(sentence, at)
    if hour is None or not 0 < hour.seconds <= _NOON * 3600:
        return False
    counts = any(sentence.has(hour.end, kind) for kind in _NO_HOUR) and not sentence.has(hour.end, Kind.HALF)
    return not counts and sentence.text(hour.end) not in _NO_HOUR_SIGNS


def _digital(sentence: Sentence, at: int) -> Clock | None:
    """9:30, 9:30:15, each with "am" or "pm" or without."""
    hour, minute = sentence.number(at), sentence.number(at + 2)
    if sentence.text(at + 1) != ":" or hour is None or minute is None or len(sentence.digits(at + 2)) < 2:
        return None
    second, end, width = 0.0, at + 3, timedelta(minutes=1)
    if sentence.text(end) == ":" and (named := sentence.number(end + 1)) is not None:
        second, end, width = named, end + 2, timedelta(seconds=1)
    if hour > 24 or minute >= 60 or second >= 60 or hour % 1 or minute % 1:
        return None
    exact = hour == 0 or hour > 12 or sentence.digits(at).startswith("0")
    seconds = int(hour) * 3600 + int(minute) * 60 + int(second)
    return _with_half(sentence, Clock(begin=at, end=end, seconds=seconds, width=width, exact=exact))


def _spoken(sentence: Sentence, at: int) -> Clock | None:
    """9 am, 9.30 pm, nine o'clock."""
    counted = number_at(sentence, at)
    if counted is None or not 0 <= counted[0] <= 24:
        return None
    value, end = counted
    hour, minute = divmod(round(value * 100), 100)
    oclock = sentence.has(end, Kind.OCLOCK)
    half_at = end + oclock
    if not oclock and not isinstance(sentence.senses(half_at).get(Kind.HALF), str):
        return None
    if minute >= 60:
        return None
    width = timedelta(minutes=1) if minute else timedelta(hours=1)
    clock = Clock(begin=at, end=half_at, seconds=hour * 3600 + minute * 60, width=width, exact=hour > 12)
    return _with_half(sentence, clock)


def _chinese(sentence: Sentence, at: int) -> Clock | None:
    """九点, 9点半, 9点30分15秒, 九点一刻, 差五分九点, 九点差五分; 9时."""
    if (short := _short_of(sentence, at)) is not None:
        minutes, behind = short
        hour = _chinese(sentence, behind)
        return _earlier(hour, minutes, at, hour.end) if hour and hour.width == timedelta(hours=1) else None
    counted = number_at(sentence, at)
    if counted is None or counted[0] % 1 or not 0 <= counted[0] <= 24:
        return None
    hour, end = int(counted[0]), counted[1]
    if sentence.text(end) not in _POINT and not (sentence.text(end) == "时" and sentence.text(end + 1) != "间"):
        return None
    minute, second, end, width = 0, 0, end + 1, timedelta(hours=1)
    if (short := _short_of(sentence, end)) is not None:
        whole = Clock(begin=at, end=end, seconds=hour * 3600, width=width, exact=hour == 0 or hour > 12)
        return _earlier(whole, short[0], at, short[1])
    if sentence.text(end) == "半":
        minute, end, width = 30, end + 1, timedelta(minutes=1)
    elif (more := number_at(sentence, end)) is not None and more[0] < 60:
        if sentence.text(more[1]) == "刻":
            minute, end = int(more[0]) * 15, more[1] + 1
        else:
            minute, end = int(more[0]), more[1] + (sentence.text(more[1]) == "分")
        width = timedelta(minutes=1)
        exactly = number_at(sentence, end)
        if exactly is not None and sentence.text(exactly[1]) == "秒" and exactly[0] < 60:
            second, end, width = int(exactly[0]), exactly[1] + 1, timedelta(seconds=1)
    elif sentence.text(end) in {"钟", "整", "正"}:
        end += 1
    seconds = hour * 3600 + minute * 60 + second
    return Clock(begin=at, end=end, seconds=seconds, width=width, exact=hour == 0 or hour > 12)


def _short_of(sentence: Sentence, at: int) -> tuple[int, int] | None:
    """差五分, 差一刻: the minutes that an hour lacks, and the place behind."""
    counted = number_at(sentence, at + 1) if sentence.text(at) == "差" else None
    if counted is None or counted[0] % 1 or not 0 < counted[0] < _HOUR:
        return None
    minutes, unit = int(counted[0]), sentence.text(counted[1])
    if unit == "刻":
        return (minutes * 15, counted[1] + 1) if minutes * 15 < _HOUR else None
    return (minutes, counted[1] + 1) if unit in {"分", "分钟"} else None


def _earlier(hour: Clock, minutes: int, begin: int, end: int) -> Clock:
    """The time so many minutes before the hour."""
    seconds = (hour.seconds - minutes * 60) % DAY
    return replace(hour, begin=begin, end=end, seconds=seconds, width=timedelta(minutes=1))


def _with_half(sentence: Sentence, clock: Clock) -> Clock:
    half = sentence.senses(clock.end).get(Kind.HALF)
    if not isinstance(half, str) or clock.seconds >= 13 * 3600:
        return clock
    return replace(clock, half=half, end=clock.end + 1, exact=False)


def _with_zone(sentence: Sentence, clock: Clock) -> Clock:
    if sentence.text(clock.end) == "z" and sentence.glued(clock.end):
        return replace(clock, zone=UTC, end=clock.end + 1)
    offset = offset_at(sentence, clock.end) if sentence.glued(clock.end) and clock.width < timedelta(hours=1) else None
    if sentence.text(clock.end) != "+" and not _dated(sentence, clock.begin):
        # "6:00-14:00" is a range; "2026-11-28T06:00-05:00" is a time with an offset.
        return clock
    if offset is None or len(sentence.digits(clock.end + 1)) < 2:
        return clock
    return replace(clock, zone=offset[0], end=offset[1])


def _dated(sentence: Sentence, at: int) -> bool:
    """Whether a date as in ISO 8601 stands before `at`."""
    before = at - 1 - (sentence.text(at - 1) == "t")
    return len(sentence.text(before)) == 2 and sentence.text(before - 1) == "-" and sentence.text(before - 3) == "-"


def in_same_half(first: Clock, second: Clock) -> tuple[int, int]:
    """Return both ends of a range in seconds since the first one's midnight, what one leaves open taken from the other.

    "9 to 10 am" is in the morning, "11 and 1 pm" spans noon, "3 pm to 5" ends in the afternoon, "9 to 5" too,
    "10 pm to 2 am" ends the next day.
    """
    start, end = first.of_day(), second.of_day()
    if second.part in _FORENOONS and second.seconds // 3600 == _NOON and start < _HALF:
        # "10 to 12 in the morning" ends at noon.
        end = second.seconds
    if second.marked and not first.marked and not first.exact:
        afternoon = end % DAY >= _HALF
        same = first.seconds % _HALF + (_HALF if afternoon else 0)
        start = same if same < end else first.seconds % _HALF + (0 if afternoon else _HALF)
    elif first.marked and not second.marked and not second.exact:
        same = second.seconds % _HALF + (start // _HALF) * _HALF
        end = same if same > start else same + _HALF
    elif not first.marked and not second.marked and end <= start and second.bare and not second.exact:
        end += _HALF
    while end <= start:
        end += DAY
    return start, end
