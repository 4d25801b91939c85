"""A value whose place among the readings is asked for: "is 24 V normal for WLD001", "60度算高吗"."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.condition import value_at
from llm_service.domain.offline.lexicon import Kind, Lexicon, lexemes_of
from llm_service.domain.offline.query import Judged, StructuredQuery, Verdict
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.token import tokenize
from llm_service.domain.offline.unit import field_of_unit
from llm_service.domain.offline.vocabulary import lexicon

# Before a number these make something else of it than a value to judge.
_OTHER: Final = (Kind.OPERATOR, Kind.LAST, Kind.NEWEST, Kind.DEVICE_WORD, Kind.WITHIN, Kind.EVERY)
_QUIET: Final = (Kind.FILLER, Kind.AT)


def find_judged(sentence: Sentence) -> Judged | None:
    """Return the value that is to be judged, and mark its words but the field's."""
    places = [at for at in sentence.find(Kind.VERDICT) if not sentence.has(at - 1, Kind.NOT)]
    fields = list(sentence.find(Kind.FIELD))
    for at in range(len(sentence)) if places and len(fields) < 2 else ():
        value = value_at(sentence, at) if at not in sentence.used else None
        if value is None or sentence.has(value.end, Kind.ROWS) or any(sentence.has(at - 1, kind) for kind in _OTHER):
            continue
        named = str(sentence.senses(fields[0])[Kind.FIELD]) if fields else ""
        field = named if _beside(sentence, at, value.end, fields) or value.unit else ""
        field = field or field_of_unit(value.unit)
        verdict = sentence.senses(places[-1])[Kind.VERDICT]
        if field and isinstance(verdict, Verdict):
            sentence.use(at, value.end)
            sentence.use(places[-1], places[-1] + 1)
            return Judged(field=field, value=value.number, unit=value.unit, verdict=verdict)
    return None


def judged_again(text: str, before: StructuredQuery) -> StructuredQuery | None:
    """Return the question before with another value, where `text` is no more than that: "and 75?", "75度呢"."""
    sentence = Sentence(lexemes_of(tokenize(text), lexicon(), Lexicon()))
    quiet = (Kind.FILLER, Kind.FOLLOW, Kind.AND)
    at = 0
    while at < len(sentence) and sentence.number(at) is None and any(sentence.has(at, kind) for kind in quiet):
        at += 1
    value = value_at(sentence, at)
    if before.judged is None or value is None:
        return None
    if any(not any(sentence.has(place, kind) for kind in quiet) for place in range(value.end, len(sentence))):
        return None
    unit = value.unit or before.judged.unit
    return replace(before, judged=replace(before.judged, value=value.number, unit=unit), unread=(), notes=())


def _beside(sentence: Sentence, at: int, end: int, fields: list[int]) -> bool:
    """Whether the field stands next to a number without a unit: "a temperature of 60", "电压24"."""
    around = {at - 1, end, sentence.skip(at - 1, _QUIET, step=-1), sentence.skip(end, _QUIET)}
    return not around.isdisjoint(fields)
