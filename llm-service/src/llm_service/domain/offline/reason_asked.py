"""Questions for the reason of a stop: readings hold none, what they show of the stop is told."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.lasting_stop import LASTING
from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Condition, Intent, Note, Remark, Statistic, StructuredQuery
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_state import IDLE

EXPLAINING: Final = frozenset(
    {"why", "reason", "reasons", "cause", "caused", "causes", "root cause", "explain", "为什么", "为何", "原因", "解释"}
)
"""What asks for a reason."""
_STOPPED: Final = Condition(field=IDLE.field, operator=IDLE.operator, value=IDLE.value)
_TAKEN: Final = f"{IDLE.field} {IDLE.operator.value} {IDLE.value:g}"


def with_reason(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` as one for the facts where a reason is asked for: the last stop or those of a time, no yes."""
    said = next((sentence.raw(at) for at in range(len(sentence)) if sentence.text(at) in EXPLAINING), "")
    stop = next((at for at in range(len(sentence)) if _is_stop(sentence, at)), None)
    measured = query.fields or query.statistics or query.conditions or query.interval or query.negation
    if not said:
        return query
    if stop is not None and (not measured or query.conditions == (_STOPPED,)):
        return _of_stop(replace(query, refused=said), sentence.raw(stop), said)
    return replace(query, whether=False, always=False) if query.refused.lower() in EXPLAINING else query


def _is_stop(sentence: Sentence, at: int) -> bool:
    return sentence.lexeme_senses(at).get(Kind.STATE) == IDLE


def _of_stop(query: StructuredQuery, word: str, said: str) -> StructuredQuery:
    """The last stop, the stops of a time, or since when it stands."""
    read = any(note.remark is Remark.READ_AS and note.words[-1] == _TAKEN for note in query.notes)
    notes = query.notes if read else (*query.notes, Note(remark=Remark.READ_AS, words=(word, _TAKEN)))
    unread = tuple(each for each in query.unread if each not in {word, said})
    told = replace(
        query,
        intent=Intent.STATISTICS,
        conditions=(_STOPPED,),
        notes=notes,
        unread=unread,
        whether=False,
        always=False,
        confidence=1.0,
    )
    if query.holds:
        return replace(told, holds=False, since=True, statistics=(), least=None, lasting=False)
    told = replace(told, least=query.least or LASTING, lasting=query.lasting or query.least is None)
    counted = query.statistics and not query.whether
    if query.time or counted:
        return replace(told, statistics=query.statistics or (Statistic.EVENTS,))
    return replace(told, statistics=(), when=True, once=True)
