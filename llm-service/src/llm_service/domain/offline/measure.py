"""What is to be computed: percentiles, rows of an interval, numbers of readings, units to answer in."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from llm_service.domain.offline.at_extreme import find_at_extreme
from llm_service.domain.offline.ends import find_ends
from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.number import UNIT_LENGTH, length_at, number_at
from llm_service.domain.offline.one_interval import find_one_interval, is_end
from llm_service.domain.offline.query import Statistic
from llm_service.domain.offline.sentence import Sentence

_PERCENT_SIGNS: Final = frozenset({"th", "st", "nd", "rd", "%", "-", "percent", "个", "第"})
_MOST_ROWS: Final = 100
_IN_WHICH: Final = frozenset({"in which", "for which", "during which", "on which"})
_STEPS: Final = frozenset(
    {
        *("step", "steps", "interval", "intervals", "bucket", "buckets", "bin", "bins", "block", "blocks", "slots"),
        *("increments", "chunks", "resolution", "间隔", "步长", "一个点", "粒度", "一段"),
    }
)
_BUSY: Final = frozenset({"busiest", "idlest", "最忙", "最闲", "最清闲"})
_SPANS: Final = frozenset({"的时间", "时间"})
_WORST: Final = frozenset({"worst", "the worst", "best", "the best", "最差", "最好", "最糟", "最糟糕"})
# Lengths of minutes into which a range is cut; other numbers of minutes are so many of one minute.
_LENGTHS: Final = frozenset(timedelta(minutes=minutes) for minutes in (5, 10, 15, 20, 30, 45))
_STRETCHES: Final = frozenset({"stretch", "window", "period", "span", "slot", "时段", "时间段"})
_LED: Final = frozenset({"in", "within", "over", "during", "in the", "over the", "for", "the"})


def find_percentiles(sentence: Sentence) -> tuple[float, ...]:
    """Return the percentiles of "95th percentile", "p95", "5th and 95th percentiles", "第95百分位", "0.9 quantile"."""
    found: dict[float, None] = {}
    for at in range(len(sentence)):
        text = sentence.text(at)
        if text[:1] == "p" and text[1:].isdecimal() and not sentence.senses(at) and int(text[1:][:4]) <= 100:
            found.setdefault(float(text[1:]))
            sentence.use(at, at + 1)
        elif sentence.has(at, Kind.PERCENTILE) and not _is_quarter(sentence, at):
            named = sentence.senses(at)[Kind.PERCENTILE]
            if isinstance(named, float):
                found.setdefault(named)
                sentence.use(at, at + 1)
            elif numbers := _before(sentence, at) or _behind(sentence, at):
                found.update(dict.fromkeys(numbers))
    return tuple(found)


def _is_quarter(sentence: Sentence, at: int) -> bool:
    """ "In Q3", "Q1 2026" are quarters of a year."""
    led = sentence.text(at - 1) in {"in", "during", "for", "since", "over"} or len(sentence.digits(at + 1)) == 4
    said = any(sentence.text(place) == "quarter" for place in range(len(sentence)))
    return sentence.has(at, Kind.QUARTER) and (led or said)


def _before(sentence: Sentence, at: int) -> list[float]:
    """The numbers before "percentile", back over signs, "and" and "第"."""
    numbers: list[float] = []
    place = at - 1
    while place >= 0 and at - place <= 12:
        counted = number_at(sentence, place)
        if counted is not None and 0 <= counted[0] <= 100:
            while number_at(sentence, place - 1) is not None and sentence.number(place) is None:
                place -= 1
            counted = number_at(sentence, place) or counted
            numbers.insert(0, counted[0] * 100 if 0 < counted[0] < 1 else counted[0])
        elif sentence.text(place) not in _PERCENT_SIGNS and not (numbers and sentence.has(place, Kind.AND)):
            break
        place -= 1
    if numbers:
        sentence.use(place + 1 - (sentence.text(place) == "第"), at + 1)
    return numbers


def _behind(sentence: Sentence, at: int) -> list[float]:
    start = at + 1 + (sentence.text(at + 1) in {"of", "为", "是"})
    counted = number_at(sentence, start)
    if counted is None or not 0 <= counted[0] <= 100:
        return []
    sentence.use(at, counted[1])
    return [counted[0] * 100 if 0 < counted[0] < 1 else counted[0]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRows:
    """So many single readings: the last or the first of the range, or those at an end of a field (`by`)."""

    limit: int
    newest: bool
    ordered: str = ""
    by: str = ""


def find_rows(sentence: Sentence) -> FoundRows | None:
    """Return "the last 10 readings", "first 5 rows", "最近5条数据", "the 5 hottest readings"."""
    if (found := find_at_extreme(sentence)) is not None:
        return FoundRows(limit=1, newest=True, ordered="highest" if found[1] else "lowest", by=found[0])
    if (ends := find_ends(sentence)) is not None:
        return FoundRows(limit=ends.limit, newest=True, ordered="highest" if ends.highest else "lowest")
    for at in range(len(sentence)):
        newest = sentence.senses(at).get(Kind.NEWEST)
        if not isinstance(newest, bool):
            continue
        counted = number_at(sentence, at + 1)
        begin, number, end = at, counted[0] if counted else 0, counted[1] if counted else at
        if counted is None and (before := number_at(sentence, at - 1)) is not None:
            begin, number, end = at - 1, before[0], at + 1
        named = sentence.has(end, Kind.FIELD) and sentence.has(end + 1, Kind.ROWS)
        if number >= 1 and not number % 1 and named:
            # "The last 3 temperature readings".
            sentence.use(begin, end)
            sentence.use(end + 1, end + 2)
            return FoundRows(limit=min(int(number), _MOST_ROWS), newest=newest)
        if number >= 1 and not number % 1 and sentence.has(end, Kind.ROWS):
            sentence.use(begin, end + 1)
            return FoundRows(limit=min(int(number), _MOST_ROWS), newest=newest)
    return None


_NEAR: Final = 6
_KILOWATT_HOURS: Final = frozenset({"度", "几度", "多少度"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundInterval:
    """One row per so much time; `which` asks for the one that is highest or lowest.

    With `of_state` no rows are asked for: "per hour of welding" is a rate while a machine welds.
    """

    width: timedelta
    which: bool = False
    top: int = 0
    of_state: bool = False


def use_kilowatt_hours(sentence: Sentence) -> None:
    """Mark 度 behind a word for energy, where it is no degree: "耗电几度", "用电多少度"."""
    for at in sentence.find(Kind.FIELD):
        if sentence.senses(at)[Kind.FIELD] != "energy":
            continue
        for place in range(at + 1, min(at + _NEAR, len(sentence))):
            if sentence.text(place) in _KILOWATT_HOURS:
                sentence.use(place, place + 1)
            elif not any(sentence.has(place, kind) for kind in (Kind.FILLER, Kind.INTEGRAL, Kind.HOW_MANY)):
                break


def find_interval(sentence: Sentence) -> FoundInterval | None:
    """Return "hourly", "per hour", "every 10 minutes", "10-minute averages", "每小时", "which hour", "哪一天"."""
    for at in range(len(sentence)):
        unit = sentence.senses(at + 1).get(Kind.TIME_UNIT)
        asks = sentence.has(at, Kind.WHICH) or sentence.text(at) in _IN_WHICH
        those = asks and sentence.text(at) == "which of" and sentence.text(at + 1) in {"these", "those", "the"}
        unit = sentence.senses(at + 2).get(Kind.TIME_UNIT) if those else unit
        if asks and isinstance(unit, str) and unit in {"min", "h", "d", "w"}:
            sentence.use(at, at + 2 + those)
            return FoundInterval(width=UNIT_LENGTH[unit], which=True)
    if (ranked := _ranked(sentence) or _ended(sentence)) is not None:
        return ranked
    if (rate := _per_state(sentence)) is not None:
        return rate
    if (one := find_one_interval(sentence)) is not None:
        return FoundInterval(width=one, which=True)
    ranked = _ranks_rows(sentence)
    width = _width(sentence)
    return None if width is None else FoundInterval(width=width, which=ranked)


def _per_state(sentence: Sentence) -> FoundInterval | None:
    """ "Per hour of welding", "每焊接一小时": the state stays to be read."""
    for at in sentence.find(Kind.EVERY):
        before = sentence.has(at + 1, Kind.STATE)
        length = length_at(sentence, at + 1 + before, bare=True)
        if length is None or length.value not in {UNIT_LENGTH["h"], UNIT_LENGTH["min"]}:
            continue
        if before:
            sentence.use(at, at + 1)
            sentence.use(at + 2, length.end)
            return FoundInterval(width=length.value, of_state=True)
        if sentence.text(length.end) == "of" and sentence.has(length.end + 1, Kind.STATE):
            sentence.use(at, length.end + 1)
            return FoundInterval(width=length.value, of_state=True)
    return None


def _ranks_rows(sentence: Sentence) -> bool:
    """ "The highest of the hourly means", "the highest hourly mean": an end of means of intervals."""
    for at in sentence.find(Kind.RHYTHM):
        before = sentence.skip(at - 1, (Kind.FILLER,), step=-1)
        mean = sentence.senses(at + 1).get(Kind.STATISTIC) is Statistic.MEAN
        if mean and any(is_end(sentence, place) for place in (at - 1, before)):
            return True
    return False


def _ranked(sentence: Sentence) -> FoundInterval | None:
    """ "Which 2 hours", "the 3 hottest hours", "温度最高的两个小时": so many intervals of a ranking."""
    for at in range(len(sentence)):
        if (wide := _minutes_long(sentence, at)) is not None:
            return wide
        counted = number_at(sentence, at)
        if counted is None or counted[0] % 1 or not 1 <= counted[0] <= _MOST_ROWS:
            continue
        end = counted[1] + (is_end(sentence, counted[1]) and not _is_unit(sentence, counted[1]))
        unit = sentence.senses(end).get(Kind.TIME_UNIT)
        before = at - 1 - (sentence.text(at - 1) == "的")
        busy = sentence.text(before) in _BUSY
        led = end > counted[1] or sentence.has(at - 1, Kind.WHICH) or is_end(sentence, before) or busy
        if led and unit in {"min", "h", "d", "w"}:
            sentence.use(at, counted[1])
            sentence.use(end, end + 1)
            sentence.use(at - sentence.has(at - 1, Kind.WHICH), at)
            return FoundInterval(width=UNIT_LENGTH[str(unit)], which=True, top=int(counted[0]))
    return None


def _is_unit(sentence: Sentence, at: int) -> bool:
    """Whether a word that is an end, too, is the unit of the number before it: the first of "the last 10 min min"."""
    return sentence.has(at, Kind.TIME_UNIT) and sentence.number(at - 1) is not None


def _minutes_long(sentence: Sentence, at: int) -> FoundInterval | None:
    """ "The worst 15 minutes", "最差的十五分钟": intervals that many minutes long, one of which is at an end."""
    length = length_at(sentence, at)
    if length is None or length.unit not in {"min", "h"} or length.value not in _LENGTHS:
        return None
    before = at - 1 - (sentence.text(at - 1) in {"的", "的那"})
    worst = sentence.text(before) in _WORST
    worst = worst or sentence.has(before, Kind.WHICH) or sentence.text(before) in _IN_WHICH
    if not worst and not is_end(sentence, before) and sentence.text(before) not in _BUSY:
        return None
    end = length.end + (sentence.text(length.end) in _STRETCHES)
    sentence.use(before + (not sentence.has(before, Kind.WHICH)), end)
    return FoundInterval(width=length.value, which=True)


def _ended(sentence: Sentence) -> FoundInterval | None:
    """ "The busiest hour", "which was the hottest day": the one at an end."""
    for at in range(len(sentence) - 1):
        length = length_at(sentence, at + 1) if sentence.text(at) in _WORST or is_end(sentence, at) else None
        if length is not None and length.value in _LENGTHS and sentence.number(at + 1) is None:
            # "The worst quarter of an hour".
            sentence.use(at + 1, length.end)
            return FoundInterval(width=length.value, which=True)
        unit = sentence.senses(at + 1).get(Kind.TIME_UNIT)
        ended = is_end(sentence, at) or sentence.text(at) in {"busiest", "idlest", "worst", "best"}
        counted = number_at(sentence, at + 1) is not None or sentence.has(at - 1, Kind.LAST)
        # "The last 10 min min", "the last 10 min max min": statistics behind a time.
        counted = counted or _is_unit(sentence, at) or (is_end(sentence, at + 1) and _is_unit(sentence, at - 1))
        if ended and not counted and sentence.raw(at).isascii() and unit in {"min", "h", "d", "w"}:
            sentence.use(at + 1, at + 2)
            return FoundInterval(width=UNIT_LENGTH[str(unit)], which=True)
    return None


def _width(sentence: Sentence) -> timedelta | None:
    for at in range(len(sentence)):
        code = sentence.senses(at).get(Kind.RHYTHM)
        if isinstance(code, str):
            sentence.use(at, at + 1)
            return UNIT_LENGTH[code]
        if sentence.has(at, Kind.EVERY) and (each := _each_of(sentence, at)) is not None:
            return each
        if sentence.has(at, Kind.EVERY):
            length = length_at(sentence, at + 1, bare=True)
            if length is not None and length.unit in {"s", "min", "h", "d", "w"}:
                sentence.use(at, length.end)
                return length.value
        elif (width := _stepped(sentence, at) or _averaged(sentence, at)) is not None:
            return width
    return None


def _each_of(sentence: Sentence, at: int) -> timedelta | None:
    """ "Each of the last 4 days": the range stays to be read."""
    last = at + 2 + (sentence.text(at + 2) == "the")
    if sentence.text(at + 1) not in {"of", "of the"} or not sentence.has(last, Kind.LAST):
        return None
    length = length_at(sentence, last + 1, bare=True)
    if length is None or length.unit not in {"h", "d", "w"}:
        return None
    sentence.use(at, at + 2)
    return UNIT_LENGTH[length.unit]


def _stepped(sentence: Sentence, at: int) -> timedelta | None:
    """ "In 15 minute steps", "15-minute intervals", "以15分钟为间隔", "15分钟一个点"."""
    length = length_at(sentence, at)
    if length is None or length.unit not in {"s", "min", "h", "d"} or sentence.number(at - 1) is not None:
        return None
    end = length.end + (sentence.text(length.end) in {"-", "为", "的"})
    if sentence.text(end) not in _STEPS:
        return None
    sentence.use(at - (sentence.text(at - 1) in {"in", "at", "以", "按"}), end + 1)
    return length.value


def _averaged(sentence: Sentence, at: int) -> timedelta | None:
    """ "10-minute averages": a length before a statistic, unless it is one that goes back from now."""
    length = length_at(sentence, at)
    if length is None or length.unit not in {"s", "min", "h", "d"} or not sentence.has(length.end, Kind.STATISTIC):
        return None
    before = (at - 1, at - 2)
    led = any(sentence.has(place, Kind.LAST) or sentence.text(place) in _LED for place in before)
    if led or sentence.has(at - 1, Kind.NUMBER):
        return None
    sentence.use(at, length.end)
    return length.value


def find_unit(sentence: Sentence) -> str:
    """Return the unit to answer in: "in fahrenheit", "in mV", "用华氏度"."""
    for at in sentence.find(Kind.UNIT):
        unit = str(sentence.senses(at)[Kind.UNIT])
        led = sentence.has(at - 1, Kind.IN)
        # One letter or character is a unit only where it is led to: "in A", "多少升", not "a" or "升" alone.
        symbol = len(sentence.raw(at)) == 1
        led = led or sentence.has(at - 1, Kind.HOW_MANY)
        shown = led and (sentence.raw(at).isupper() or not sentence.raw(at).isascii())
        if (symbol and not shown and not sentence.text(at - 1).endswith(("多少", "几"))) or unit in {"%", "°"}:
            continue
        sentence.use(at - led, at + 1)
        return unit
    return ""


def find_when(sentence: Sentence) -> bool:
    """Whether a time is asked for: "when was …" at the beginning, "at what time", "什么时候"."""
    for at in sentence.find(Kind.ASK_WHEN):
        beside = (Kind.SHARE, Kind.HOW_LONG, Kind.TIME_SHARE, Kind.HOW_MANY)
        shared = any(sentence.has(at + 1, kind) for kind in beside) or sentence.has(at - 1, Kind.SHARE)
        if sentence.text(at) in _SPANS and (shared or sentence.text(at + 1) in {"占", "有", "是多少", "多少"}):
            # "The time above 5 was which share of all": no time of day is asked for.
            continue
        first = sentence.skip(0, (Kind.FILLER, Kind.FOLLOW, Kind.AND))
        if (
            sentence.text(at) != "when"
            or at <= first
            or sentence.text(at - 1) in {"me", "tell", "and", "know", ":", ",", "，", "："}
        ):
            sentence.use(at, at + 1)
            return True
    return False
