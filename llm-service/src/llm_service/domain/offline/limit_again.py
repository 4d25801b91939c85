"""The question before with another limit: "and above 50?", "那超过50呢", "70呢"."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.condition import value_at
from llm_service.domain.offline.lexicon import Kind, Lexicon, lexemes_of
from llm_service.domain.offline.number import length_at
from llm_service.domain.offline.query import Condition, Operator, StructuredQuery
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.token import tokenize
from llm_service.domain.offline.unit import converted
from llm_service.domain.offline.vocabulary import lexicon
from llm_service.domain.offline.words_state import IDLE

_WORDS: Final = {
    Operator.GT: "above",
    Operator.GE: "at least",
    Operator.LT: "below",
    Operator.LE: "at most",
}
_LONGER: Final[dict[object, str]] = {Operator.GT: "longer than", Operator.GE: "of at least"}
_LEADS: Final = (Kind.FILLER, Kind.FOLLOW, Kind.AND, Kind.WHERE)


def with_limit(text: str, before: StructuredQuery) -> str:
    """Return `text` with the field of the limit before, where it names another limit and no field; else `text`.

    "And above 50?" becomes "and temperature above 50?", "70?" becomes "temperature above 70?".
    """
    if (longer := _longer(text, before)) is not None:
        return longer
    limit = next((each for each in before.conditions if _is_limit(each)), None)
    if limit is None or before.any_condition:
        return text
    sentence = Sentence(lexemes_of(tokenize(text), lexicon(), Lexicon()))
    if any(sentence.has(at, kind) for at in range(len(sentence)) for kind in (Kind.FIELD, Kind.STATE, Kind.LABEL)):
        return text
    for at in range(len(sentence)):
        operator = sentence.senses(at).get(Kind.OPERATOR) or sentence.senses(at).get(Kind.SUFFIX)
        said = operator if isinstance(operator, Operator) and operator in _WORDS else None
        value = value_at(sentence, sentence.skip(at + 1, (Kind.FILLER,)) if said else at)
        if value is None:
            continue
        followed = sentence.has(value.end, Kind.SUFFIX)
        if not (said or followed or (_is_bare(sentence, at, value.end) and not _is_state(limit))):
            continue
        if value.unit and limit.unit and converted(1.0, value.unit, limit.unit) is None:
            return text
        return _rewritten(text, sentence, at, limit, said=said, followed=followed)
    return text


def _longer(text: str, before: StructuredQuery) -> str | None:
    """The text where it says no more than how long stretches have to last: "over 30 minutes?" is no range of time."""
    if not before.conditions or not (before.each or before.least):
        return None
    sentence = Sentence(lexemes_of(tokenize(text), lexicon(), Lexicon()))
    at = 0
    while sentence.senses(at).get(Kind.OPERATOR) not in _LONGER and _is_quiet(sentence, at):
        at += 1
    operator = sentence.senses(at).get(Kind.OPERATOR)
    length = length_at(sentence, at + 1) if operator in _LONGER else None
    if length is None or any(not _is_quiet(sentence, place) for place in range(length.end, len(sentence))):
        return None
    start = sentence.lexemes[at + 1].tokens[0].start
    return f"only those {_LONGER[operator]} {text[start:]}"


def _is_quiet(sentence: Sentence, at: int) -> bool:
    return any(sentence.has(at, kind) for kind in _LEADS)


def limited_again(query: StructuredQuery, before: StructuredQuery) -> StructuredQuery:
    """Return the question of such a text with what it leaves out: the unit, and the conditions on other fields."""
    limits = [each for each in before.conditions if _is_limit(each)]
    units = {each.field: each.unit for each in limits}
    own = tuple(replace(each, unit=each.unit or units.get(each.field, "")) for each in query.conditions)
    others = tuple(each for each in before.conditions if each.field not in {one.field for one in own})
    return replace(query, conditions=(*others, *own), fields=(), follows=True)


def _rewritten(
    text: str, sentence: Sentence, at: int, limit: Condition, *, said: Operator | None, followed: bool
) -> str:
    """The text with the field before what is said at `at`, and the operator where none is said."""
    tokens = sentence.lexemes[at].tokens
    begin, end = tokens[0].start, tokens[-1].end if said else tokens[0].start
    linked = "and " if sentence.text(at).startswith("and ") else ""
    operator = "" if followed else _WORDS[said or limit.operator]
    return f"{text[:begin]} {linked}{limit.field} {operator} {text[end:]}"


def _is_limit(condition: Condition) -> bool:
    return bool(condition.field) and condition.operator in _WORDS and not isinstance(condition.value, str)


def _is_state(condition: Condition) -> bool:
    """Whether it is what a machine that runs, or stands, is known by: "and at 10?" is no other limit of that."""
    return (condition.field, condition.value) == (IDLE.field, IDLE.value)


def _is_bare(sentence: Sentence, at: int, end: int) -> bool:
    """Whether nothing is said but the number."""
    before = all(any(sentence.has(place, kind) for kind in _LEADS) for place in range(at))
    return before and all(any(sentence.has(place, kind) for kind in _LEADS) for place in range(end, len(sentence)))
