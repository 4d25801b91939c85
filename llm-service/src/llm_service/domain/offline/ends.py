"""So many readings at an end: "the 5 hottest readings", "top 3 voltage readings", "温度最高的三条数据"."""

from dataclasses import dataclass
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.number import number_at
from llm_service.domain.offline.query import Statistic
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.token import TokenKind
from llm_service.domain.offline.words_data import Comparative

_MOST: Final = 100
_REACH: Final = 8
_BETWEEN: Final = (Kind.FILLER, Kind.FIELD, Kind.MORE, Kind.DEVICE, Kind.AT)
_COUNTERS: Final = frozenset({"个", "条", "次", "笔", "名", "组", "行"})
_ENDS: Final = {"top": Statistic.MAX, "bottom": Statistic.MIN}
_ROWS: Final = frozenset(
    {"readings", "values", "records", "rows", "points", "measurements", "samples", "entries", "peaks"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEnds:
    """So many readings, the highest of them or the lowest."""

    limit: int
    highest: bool


def find_ends(sentence: Sentence) -> FoundEnds | None:
    """Return the readings at an end that are asked for, and mark the words for them but the field."""
    if not any(sentence.has(at, Kind.FIELD) or _is_of_field(sentence, at) for at in range(len(sentence))):
        return None
    for at in range(len(sentence)):
        end = _end_at(sentence, at)
        if end is None:
            continue
        counted = _count_before(sentence, at) or _count_behind(sentence, at)
        if counted is not None and 1 <= counted[0] <= _MOST and not counted[0] % 1:
            sentence.use(counted[1], counted[2])
            if not isinstance(sentence.senses(at).get(Kind.MORE), Comparative):
                sentence.use(at, at + 1)
            return FoundEnds(limit=int(counted[0]), highest=end is Statistic.MAX)
    return None


def _is_of_field(sentence: Sentence, at: int) -> bool:
    """Whether the word says which field it is about: "hottest"."""
    more = sentence.senses(at).get(Kind.MORE)
    return isinstance(more, Comparative) and bool(more.field)


def _end_at(sentence: Sentence, at: int) -> Statistic | None:
    """Which end the word at `at` names."""
    senses = sentence.senses(at)
    more, statistic = senses.get(Kind.MORE), senses.get(Kind.STATISTIC)
    named = more.statistic if isinstance(more, Comparative) else _ENDS.get(sentence.text(at), statistic)
    return named if named in {Statistic.MAX, Statistic.MIN} and isinstance(named, Statistic) else None


def _count_before(sentence: Sentence, at: int) -> tuple[float, int, int] | None:
    """ "5 hottest readings", "the three highest voltage values"; a reading or a field has to follow."""
    for begin in (at - 1, at - 2):
        counted = number_at(sentence, begin)
        if counted is not None and counted[1] == at and (noun := _noun(sentence, at + 1)) is not None:
            if noun[1]:
                sentence.use(noun[0], noun[0] + 1)
            return counted[0], begin, at
    return None


def _count_behind(sentence: Sentence, at: int) -> tuple[float, int, int] | None:
    """ "Top 5 temperatures", "highest 3 readings of voltage", "温度最高的三条记录", "最高的5个温度值"."""
    begin = sentence.skip(at + 1, (Kind.FILLER,))
    for start in (at + 1, begin):
        counted = number_at(sentence, start)
        if counted is None:
            continue
        end = counted[1] + (sentence.text(counted[1]) in _COUNTERS)
        noun = _noun(sentence, end)
        if noun is None and (end == counted[1] or _other_noun(sentence, end)):
            return None
        return counted[0], start, noun[0] + 1 if noun and noun[1] and noun[0] == end else end
    return None


def _noun(sentence: Sentence, at: int) -> tuple[int, bool] | None:
    """The place of what is counted, readings or values of a field, and whether it is a word for readings."""
    field = None
    for place in range(at, at + _REACH):
        if sentence.has(place, Kind.DEVICE_WORD) or sentence.has(place, Kind.TIME_UNIT):
            return None
        if sentence.has(place, Kind.ROWS) or sentence.text(place) in _ROWS:
            return place, True
        if sentence.has(place, Kind.FIELD):
            field = place
        elif not any(sentence.has(place, kind) for kind in _BETWEEN):
            break
    # "3 highest currents", "最高的三个温度": a field alone is one reading each, unless a machine is what has it.
    return None if field is None else (field, False)


def _other_noun(sentence: Sentence, at: int) -> bool:
    """Whether something else is counted: "最高的三个小时", "最高的三个班次"."""
    if at >= len(sentence) or sentence.text(at) in {"", "?", "？", "。", ",", "，"}:
        return False
    kinds = (Kind.DEVICE_WORD, Kind.TIME_UNIT)
    unknown = sentence.lexemes[at].tokens[0].kind in {TokenKind.WORD, TokenKind.HAN} and not sentence.senses(at)
    return unknown or any(sentence.has(at, kind) for kind in kinds)
