"""How large the windows of features are to be: a number of rows, or a length of time."""

from datetime import timedelta
from typing import Final

from llm_service.domain.offline.number import length_at, number_at
from llm_service.domain.offline.sentence import Sentence

_JOINING: Final = frozenset({"口", "大", "小", "长", "度", "为", "是", "size", "sizes", "length", "lengths", "of", "="})
_ROWS: Final = frozenset({"point", "points", "row", "rows", "sample"})
# "The last 10 minutes": these are the range, not a window.
_RANGES: Final = frozenset({"last", "past", "previous", "latest", "recent", "最近", "过去", "近", "前"})
_LENGTH_WORDS: Final = 6


def find_window(sentence: Sentence) -> tuple[int, timedelta | None]:
    """Return the rows of a window, 0 when not said, and how long it lasts, None when not said; mark the words.

    "Windows of 256", "window size 64", "256-point windows", "窗口大小为64"; "windows of 10 minutes", "10-minute
    windows", "窗口大小为10分钟", "10分钟的窗口".
    """
    for at in range(len(sentence)):
        stop = _end_of_word(sentence, at)
        if stop is None:
            continue
        found = _behind(sentence, at, stop) or _before_in_time(sentence, at, stop) or _before_in_rows(sentence, at)
        if found is not None:
            return found
    return 0, None


def _end_of_word(sentence: Sentence, at: int) -> int | None:
    if sentence.text(at) in {"window", "windows"}:
        return at + 1
    return at + 2 if sentence.text(at) == "窗" and sentence.text(at + 1) == "口" else None


def _behind(sentence: Sentence, at: int, stop: int) -> tuple[int, timedelta | None] | None:
    start = stop
    while start < stop + 5 and sentence.text(start) in _JOINING:
        start += 1
    length = length_at(sentence, start)
    if length is not None:
        sentence.use(at, length.end)
        return 0, length.value
    counted = number_at(sentence, start)
    if counted is None or not 0 < counted[0] < 1e6 or sentence.text(counted[1]) == "分":
        return None
    sentence.use(at, counted[1])
    return int(counted[0]), None


def _before_in_time(sentence: Sentence, at: int, stop: int) -> tuple[int, timedelta | None] | None:
    end = at - 1 if sentence.text(at - 1) in {"的", "long", "-"} else at
    for start in range(max(0, end - _LENGTH_WORDS), end):
        length = length_at(sentence, start)
        if length is not None and length.end == end and sentence.text(start - 1) not in _RANGES:
            sentence.use(start, stop)
            return 0, length.value
    return None


def _before_in_rows(sentence: Sentence, at: int) -> tuple[int, timedelta | None] | None:
    back = at - 1 - 2 * (sentence.text(at - 1) in _ROWS)
    back += sentence.number(back) is None and sentence.number(back + 1) is not None
    before = sentence.number(back)
    if before is None or not 0 < before < 1e6:
        return None
    sentence.use(back, at + 1)
    return int(before), None
