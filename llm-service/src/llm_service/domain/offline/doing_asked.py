"""What a machine was doing in a time: for how long it ran, and its stops."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.lasting_stop import LASTING
from llm_service.domain.offline.query import Condition, Intent, Remark, Statistic, StructuredQuery
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_state import IDLE

_DOING: Final = frozenset(
    {"doing", "up to", "do", "在干什么", "在做什么", "在干嘛", "干什么", "做什么", "干了什么", "做了什么"}
)


def with_doing(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` as one for how long machines ran and when they stopped, where it is asked what they did then."""
    said = any(lexeme.text in _DOING for lexeme in sentence.lexemes) and _asks_what(sentence)
    ranges = query.periods or ((query.time,) if query.time else ())
    ranged = bool(ranges) and not any(each.instant for each in ranges)
    asked = query.fields or query.conditions or query.interval or query.percentiles or query.limit or query.refused
    other = query.when or query.since or query.rank or query.negation or set(query.statistics) - {Statistic.LAST}
    if not said or not ranged or asked or other or query.intent not in {Intent.STATISTICS, Intent.QUERY}:
        return query
    return replace(
        query,
        intent=Intent.STATISTICS,
        conditions=(Condition(field=IDLE.field, operator=IDLE.operator, value=IDLE.value),),
        statistics=(Statistic.DURATION,),
        notes=tuple(note for note in query.notes if note.remark is not Remark.OVERVIEW),
        least=LASTING,
        each=True,
        lasting=True,
        doing=True,
        tells_state=False,
        overview=False,
    )


def _asks_what(sentence: Sentence) -> bool:
    return any(
        lexeme.text.startswith("what") or "什么" in lexeme.text or "干嘛" in lexeme.text for lexeme in sentence.lexemes
    )
