"""How many of a field there are: of one that marks something, "how many changepoints", the readings it marks."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Condition, Intent, Note, Operator, Remark, Statistic, StructuredQuery
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.vocabulary import usual_field_of

_COUNTING: Final = frozenset({"number of", "the number of", "count of", "count"})


def with_flag(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` as one for the readings in which its one field is not 0, where it asks how many there are of it.

    Usual fields mark nothing: of the temperature the readings are counted.
    """
    plain = query.statistics == (Statistic.COUNT,) and len(query.fields) == 1 and not query.conditions
    other = query.rank or query.interval or query.presence or query.refused or query.intent is not Intent.STATISTICS
    if not plain or other or usual_field_of(query.fields[0].replace("_", " ")) or usual_field_of(query.fields[0]):
        return query
    field = query.fields[0]
    for at in range(1, len(sentence)):
        if sentence.lexeme_senses(at).get(Kind.FIELD) != field:
            continue
        before = at - 1 - (Kind.FILLER in sentence.lexeme_senses(at - 1) and sentence.text(at - 1) not in _COUNTING)
        counted = Kind.HOW_MANY in sentence.lexeme_senses(before) or sentence.text(before) in _COUNTING
        if counted or sentence.lexeme_senses(before).get(Kind.STATISTIC) is Statistic.COUNT:
            condition = Condition(field=field, operator=Operator.NE, value=0.0)
            notes = tuple(note for note in query.notes if field not in note.words)
            note = Note(remark=Remark.READ_AS, words=(sentence.raw(at), f"{field} != 0"))
            return replace(query, fields=(), conditions=(condition,), notes=(*notes, note))
    return query


def unflagged(query: StructuredQuery, texts: Sequence[str]) -> StructuredQuery:
    """Return `query` with the values of a text field counted, which can't be 0."""
    if len(query.conditions) != 1:
        return query
    (condition,) = query.conditions
    marked = f"{condition.field} != 0"
    flagged = any(note.words[-1].lower() == marked.lower() for note in query.notes)
    if condition.field not in texts or not flagged:
        return query
    kept = tuple(note for note in query.notes if note.words[-1].lower() != marked.lower())
    return replace(query, conditions=(), fields=(condition.field,), notes=kept)
