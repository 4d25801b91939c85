"""Machines that are listed by their numbers: "machines 1, 2 and 4", "1号和2号焊机", "all machines except 2 and 3"."""

from dataclasses import dataclass
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.number import number_at
from llm_service.domain.offline.sentence import Sentence

_MARKS: Final = frozenset({"号", "#", "号机"})
_NUMBER_WORDS: Final = frozenset({"#", "no", "number", "numbers", "no.", "nr", "nos"})
_BESIDE: Final = frozenset({"vs", "versus", "with", "against", "vs."})
_THROUGH: Final = frozenset({"to", "through", "thru", "-", "–", "到", "至"})
_MOST: Final = 50
_LARGEST: Final = 1000
# What a number is followed by that is no machine's.
_COUNTED: Final = (
    *(Kind.UNIT, Kind.TIME_UNIT, Kind.ROWS, Kind.PERCENTILE, Kind.HALF, Kind.OCLOCK, Kind.MONTH, Kind.FIELD),
    *(Kind.SUFFIX, Kind.AGO),
)
_NO_NUMBER: Final = frozenset({":", "/", "%", "点", "时", "月", "日", "年", "度", "th", "st", "nd", "rd"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedDevices:
    """Machines by their numbers, and whether they are left out."""

    numbers: tuple[int, ...]
    excluded: bool = False


def numbered_devices(sentence: Sentence) -> dict[int, NumberedDevices]:
    """Return the lists of machines by their place, and mark their words, so that no number of theirs is a time."""
    found: dict[int, NumberedDevices] = {}
    for at in range(len(sentence)):
        if at in sentence.used:
            continue
        if sentence.has(at, Kind.EXCEPT):
            listed = _excluded(sentence, at)
        elif sentence.has(at, Kind.DEVICE_WORD):
            listed = _behind(sentence, at)
        else:
            listed = _before(sentence, at)
        if listed is not None:
            found[at] = NumberedDevices(numbers=listed[0], excluded=sentence.has(at, Kind.EXCEPT))
            sentence.use(at, listed[1])
    return found


def _excluded(sentence: Sentence, at: int) -> tuple[tuple[int, ...], int] | None:
    """ "Except 2", "except machines 2 and 3", "除了2号和3号", of all machines."""
    if not any(True for _ in sentence.find(Kind.DEVICE_WORD)):
        return None
    start = sentence.skip(at + 1, (Kind.FILLER,))
    if sentence.has(start, Kind.DEVICE_WORD):
        start += 1
    listed = _list(sentence, _numbered(sentence, start))
    if listed is None:
        return None
    end = listed[1]
    end += sentence.has(end, Kind.DEVICE_WORD)
    return listed[0], end + (sentence.text(end) in {"外", "以外", "之外"})


def _behind(sentence: Sentence, at: int) -> tuple[tuple[int, ...], int] | None:
    """ "Machines 1 and 2", "焊机1号和2号"; one number alone is read elsewhere."""
    listed = _list(sentence, _numbered(sentence, at + 1))
    return listed if listed and len(listed[0]) > 1 else None


def _before(sentence: Sentence, at: int) -> tuple[tuple[int, ...], int] | None:
    """ "1号和2号焊机", "1、2、3号机"."""
    listed = _list(sentence, at) if number_at(sentence, at) is not None else None
    if listed is None or len(listed[0]) < 2 or sentence.text(listed[1] - 1) not in _MARKS:
        return None
    end = sentence.skip(listed[1], (Kind.FILLER,)) if sentence.text(listed[1]) == "的" else listed[1]
    named = sentence.has(end, Kind.DEVICE_WORD) or sentence.text(end) in {"机", "机器"}
    named = named or sentence.text(listed[1] - 1) == "号机"
    return (listed[0], end + 1) if named else None


def _numbered(sentence: Sentence, at: int) -> int:
    """The place behind "no." and the like."""
    at += sentence.text(at) in _NUMBER_WORDS
    return at + (sentence.text(at) == ".")


def _list(sentence: Sentence, at: int) -> tuple[tuple[int, ...], int] | None:
    """The numbers from `at` on that are linked, and the place behind the last; None where there is none."""
    found: dict[int, None] = {}
    end, place = at, at
    while len(found) < _MOST:
        number, behind = _one(sentence, place)
        if number is None:
            break
        through = end > at and sentence.text(place - 1) in _THROUGH
        ranged = sentence.text(behind) in _THROUGH
        if ranged and end > at and sentence.text(end) == ",":
            # "Machine 1, 8 to 10" are hours.
            break
        last = next(reversed(found), number)
        if through and not last < number <= last + _MOST:
            break
        found.update(dict.fromkeys(range(last + 1, number) if through else ()))
        found.setdefault(number)
        end = behind
        link = _link(sentence, end)
        if link is None:
            break
        place = link
    return (tuple(found), end) if found else None


def _one(sentence: Sentence, at: int) -> tuple[int | None, int]:
    """The number of a machine at `at` and the place behind it."""
    counted = number_at(sentence, at)
    if counted is None or counted[0] % 1 or not 0 < counted[0] < _LARGEST:
        return None, at
    end = counted[1]
    if sentence.text(end) in _MARKS:
        return int(counted[0]), end + 1
    other = any(sentence.has(end, kind) for kind in _COUNTED) or sentence.text(end) in _NO_NUMBER
    return (None, at) if other else (int(counted[0]), end)


def _link(sentence: Sentence, at: int) -> int | None:
    """The place behind the words at `at` that link two numbers, None without any."""
    place = at
    for _ in range(2):
        linked = any(sentence.has(place, kind) for kind in (Kind.AND, Kind.OR, Kind.TO))
        if not linked and sentence.text(place) not in _BESIDE and sentence.text(place) != ",":
            break
        place += 1
    return place if place > at else None
