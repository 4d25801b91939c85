"""Days of one month that are listed: "on 1 and 2 February", "February 1, 2 and 3", "2月1日和2日"."""

from dataclasses import dataclass
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.number import number_at
from llm_service.domain.offline.sentence import Sentence

_SUFFIXES: Final = frozenset({"st", "nd", "rd", "th", "."})
_ARTICLES: Final = frozenset({"the", "on", "on the"})
_CHINESE: Final = frozenset({"日", "号"})
_MOST: Final = 12
# What a number is followed by that is no day.
_COUNTED: Final = (
    *(Kind.UNIT, Kind.TIME_UNIT, Kind.ROWS, Kind.DEVICE_WORD, Kind.PERCENTILE, Kind.FIELD, Kind.HALF, Kind.OCLOCK),
)
_NO_DAY: Final = frozenset({":", "/", "%", "点", "时", "台", "个", "条"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedDay:
    """A number that is a day of a month named elsewhere in its list; `end` is the place behind it."""

    month: int
    day: int
    year: int | None
    end: int


def listed_days(sentence: Sentence) -> dict[int, ListedDay]:
    """Return the days by their place whose month another day of the list names; that day itself is none of them."""
    found: dict[int, ListedDay] = {}
    for at in range(len(sentence)):
        month = sentence.senses(at).get(Kind.MONTH)
        if isinstance(month, int):
            found |= _before(sentence, at, month)
            found |= _behind(sentence, at, month)
        elif sentence.text(at) in {"月", "月份"}:
            found |= _chinese(sentence, at)
    return found


def _before(sentence: Sentence, at: int, month: int) -> dict[int, ListedDay]:
    """The days of "1, 2 and 3 February" but the last one, which is read with its month; "3. Februar" is one of them."""
    end = at - (sentence.text(at - 1) == "of")
    behind, year = _year(sentence, at + 1)
    found: dict[int, ListedDay] = {}
    while len(found) < _MOST and (day := _ending(sentence, end)) is not None:
        begin, number = day
        dotted = end == at and sentence.text(end - 1) == "."
        if end < at - (sentence.text(at - 1) == "of") or dotted:
            found[begin] = ListedDay(month=month, day=number, year=year, end=behind if dotted else end)
        link = _link(sentence, begin, step=-1)
        if link is None:
            break
        end = link
    return found


def _ending(sentence: Sentence, end: int) -> tuple[int, int] | None:
    """The day that ends before `end`: its place and number."""
    begin = end - 1 - (sentence.text(end - 1) in _SUFFIXES)
    digits = sentence.digits(begin)
    return (begin, int(digits)) if _is_day(digits) else None


def _behind(sentence: Sentence, at: int, month: int) -> dict[int, ListedDay]:
    """The days of "February 1, 2 and 3" behind the first one, which is read with its month."""
    first = _starting(sentence, at + 1)
    if first is None:
        return {}
    found: list[tuple[int, int, int]] = []
    end = first[1]
    while len(found) < _MOST:
        link = _link(sentence, end)
        day = _starting(sentence, link) if link is not None else None
        if link is None or day is None or _is_counted(sentence, day[1]):
            break
        if sentence.text(end) == "," and sentence.text(day[1]) in {"to", "-", "–"}:
            # "February 1, 8 to 10" are hours.
            break
        found.append((link, *day))
        end = day[1]
    _, year = _year(sentence, end)
    return {begin: ListedDay(month=month, day=number, year=year, end=end) for begin, number, end in found}


def _starting(sentence: Sentence, at: int) -> tuple[int, int] | None:
    """The day that begins at `at`: its number and the place behind it."""
    digits = sentence.digits(at)
    suffixed = sentence.text(at + 1) in _SUFFIXES and sentence.glued(at + 1) and sentence.text(at + 1) != "."
    return (int(digits), at + 1 + suffixed) if _is_day(digits) else None


def _chinese(sentence: Sentence, at: int) -> dict[int, ListedDay]:
    """The days of "2月1日和2日", "二月一号到三号", "2月1、2日" behind the first one."""
    month, year = _month_before(sentence, at)
    first = number_at(sentence, at + 1)
    if month is None or first is None:
        return {}
    found: dict[int, ListedDay] = {}
    end = first[1] + (sentence.text(first[1]) in _CHINESE)
    while len(found) < _MOST:
        link = _link(sentence, end)
        day = number_at(sentence, link) if link is not None else None
        if link is None or day is None or not _is_day(f"{day[0]:g}"):
            break
        marked = sentence.text(day[1]) in _CHINESE
        if not marked and _is_counted(sentence, day[1]):
            break
        end = day[1] + marked
        if sentence.has(end, Kind.DEVICE_WORD) or sentence.text(end) in {"机", "机器"} or sentence.has(end, Kind.GROUP):
            # "2月1日和2号机".
            break
        found[link] = ListedDay(month=month, day=int(day[0]), year=year, end=end)
    return found if any(sentence.text(each.end - 1) in _CHINESE for each in found.values()) else {}


def _month_before(sentence: Sentence, at: int) -> tuple[int | None, int | None]:
    """The month whose 月 stands at `at`, and its year where one is written."""
    for begin in range(at - 1, max(at - 4, -1), -1):
        counted = number_at(sentence, begin)
        longer = number_at(sentence, begin - 1)
        if counted is None or counted[1] != at or (longer is not None and longer[1] == at):
            continue
        year = sentence.digits(begin - 2) if sentence.text(begin - 1) == "年" else ""
        return (int(counted[0]) if 1 <= counted[0] <= 12 else None), int(year) if len(year) == 4 else None
    return None, None


def _link(sentence: Sentence, at: int, step: int = 1) -> int | None:
    """The place behind (or before) the words at `at` that link two days: "and", ", the"; None without any."""
    place = at if step > 0 else at - 1
    if step < 0 and sentence.text(place) in _ARTICLES:
        place -= 1
    linked = False
    for _ in range(2):
        if not any(sentence.has(place, kind) for kind in (Kind.AND, Kind.TO)) and sentence.text(place) != ",":
            break
        linked, place = True, place + step
    if step > 0 and linked and sentence.text(place) in _ARTICLES:
        place += 1
    return (place if step > 0 else place + 1) if linked else None


def _is_day(digits: str) -> bool:
    return digits.isdecimal() and 1 <= int(digits) <= 31


def _is_counted(sentence: Sentence, at: int) -> bool:
    """Whether the number before `at` counts something, or is a time of day."""
    return any(sentence.has(at, kind) for kind in _COUNTED) or sentence.text(at) in _NO_DAY


def _year(sentence: Sentence, at: int) -> tuple[int, int | None]:
    """The year at `at`, None without one, and the place behind it."""
    comma = sentence.text(at) == ","
    digits = sentence.digits(at + comma)
    dated = len(digits) == 4 and 1900 <= int(digits) < 2100
    return (at + comma + 1, int(digits)) if dated else (at, None)
