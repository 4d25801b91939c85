"""Whether gas flows, or wire runs, while a machine is welding or not: told by what flowed then, not by yes or no."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Statistic, StructuredQuery
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.verdict import beside_fields

_FLOWS: Final = frozenset({"gas_flow", "wire_feed"})
_FLOWING: Final = frozenset(
    {
        *("flowing", "flow", "flows", "flowed", "keep flowing", "keeps flowing", "kept flowing", "still flowing"),
        *("still flow", "continue to flow", "continues to flow", "run", "runs", "running", "move", "moves", "moving"),
        *("keep running", "keeps running", "feed", "feeds", "feeding", "come out", "comes out", "escape", "escapes"),
        *("keep", "keeps", "kept", "still", "continue", "continues", "leak", "leaks", "leaking"),
        *("在流", "还在流", "流", "在漏", "漏", "还流", "继续流", "在走", "还在走", "走", "还在送", "在送", "送着"),
    }
)


def with_flow(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` as one for what flowed while its conditions held, where it asks whether anything does.

    "While it is not welding" is a condition on all readings, no question of this moment.
    """
    fields = set(beside_fields(query))
    if not query.conditions or not query.whether or not fields:
        return query
    led = any(Kind.WHERE in lexeme.senses for lexeme in sentence.lexemes)
    now = any(Kind.NOW in lexeme.senses for lexeme in sentence.lexemes)
    if query.holds and led and not now and not query.rank:
        query = replace(query, holds=False, statistics=query.statistics or (Statistic.EVENTS,))
    if not fields <= _FLOWS:
        return query
    return replace(query, unread=tuple(each for each in query.unread if each.lower() not in _FLOWING))
