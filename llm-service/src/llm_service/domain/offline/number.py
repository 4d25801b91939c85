"""Numbers and lengths of time: "two and a half hours", "90 min", "两个半小时", "一天半"."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.sentence import Sentence

UNIT_LENGTH: Final = {
    "s": timedelta(seconds=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "month": timedelta(days=30),
    "y": timedelta(days=365),
}
_DIGITS: Final = 8
_PARTS: Final = 3
# Lengths beyond this are no questions about telemetry, and out of the calendar's reach.
_LONGEST: Final = timedelta(days=36_500)
_ARTICLES: Final = frozenset({"a", "an", "a single"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """A length of time up to lexeme `end`, and the code of its last unit."""

    value: timedelta
    unit: str
    end: int


def number_at(sentence: Sentence, at: int, *, articles: bool = False) -> tuple[float, int] | None:
    """Return the number at `at` and the place behind it; `articles` lets "an" and "half a" be numbers."""
    digits = sentence.number(at)
    if digits is not None:
        return digits, at + 1
    senses = sentence.senses(at)
    word = senses.get(Kind.NUMBER)
    if isinstance(word, float) and (articles or (word >= 1 and sentence.text(at) not in _ARTICLES)):
        return word, at + 1
    return _chinese(sentence, at) if Kind.DIGIT in senses else None


def _chinese(sentence: Sentence, at: int) -> tuple[float, int]:
    total = current = 0
    end = at
    for end in range(at, at + _DIGITS):
        value = sentence.senses(end).get(Kind.DIGIT)
        if not isinstance(value, int):
            return float(total + current), end
        if value >= 10:
            total += (current or 1) * value
            current = 0
        else:
            current = current * 10 + value
    return float(total + current), end + 1


def length_at(sentence: Sentence, at: int, *, bare: bool = False) -> Length | None:
    """Return the length of time at `at`; `bare` lets a unit alone be one of it ("last hour")."""
    total, unit, end = timedelta(), "", at
    for _ in range(_PARTS):
        start = end
        if end > at and (sentence.has(end, Kind.AND) or sentence.text(end) in {"又", "零"}):
            start += 1
        part = _part(sentence, start, bare=bare and end == at)
        if part is None:
            break
        total += part.value
        unit, end = part.unit, part.end
        if total > _LONGEST:
            return None
    return Length(value=total, unit=unit, end=end) if unit and total else None


def _part(sentence: Sentence, at: int, *, bare: bool) -> Length | None:
    counted = number_at(sentence, at, articles=True)
    if counted is None and not bare:
        return None
    count, end = counted or (1.0, at)
    if sentence.has(end, Kind.HALF_OF):
        count, end = count + 0.5, end + 1
    if sentence.text(end) in {"-", "个", "full", "whole", "整"} and sentence.has(end + 1, Kind.TIME_UNIT):
        end += 1
    unit = sentence.senses(end).get(Kind.TIME_UNIT)
    if not isinstance(unit, str) or (len(sentence.text(end)) == 1 and counted is None and sentence.text(end).isascii()):
        return None
    end += 1
    if sentence.has(end, Kind.HALF_OF) or (sentence.text(end) == "半" and sentence.has(end, Kind.NUMBER)):
        count, end = count + 0.5, end + 1
    try:
        return Length(value=UNIT_LENGTH[unit] * count, unit=unit, end=end)
    except OverflowError:
        return None
