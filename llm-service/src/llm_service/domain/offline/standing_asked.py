"""Since when a machine runs or stands: "how long has it been in its current state", "how long has it been running"."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.lasting_stop import is_brief, says
from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Intent, Statistic, StructuredQuery
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_state import IDLE, RUNNING

_STATE: Final = ("state", "status", "状态")
_INTENTS: Final = frozenset({Intent.STATISTICS, Intent.QUERY, Intent.TREND})
_ASKING: Final = (Kind.SINCE_WHEN, Kind.HOW_LONG)
_SAID: Final = frozenset({"持续多久", "保持", "这种", "有多长时间", "持续", "last", "多久", "same"})


def with_standing(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` as one for since when machines run or stand, by the stops that last, where that is asked for."""
    other = query.fields or query.interval or query.rank or query.periods or query.versus or query.refused
    if other or query.intent not in _INTENTS or set(query.statistics) - {Statistic.LAST, Statistic.DURATION}:
        return query
    if query.since and (says(query, RUNNING) or says(query, IDLE)) and not is_brief(query) and not query.least:
        return replace(query, standing=True)
    stated = any(lexeme.text.endswith(_STATE) for lexeme in sentence.lexemes)
    asked = any(kind in lexeme.senses for lexeme in sentence.lexemes for kind in _ASKING)
    changed = query.when and query.intent is Intent.TREND
    if not stated or query.conditions or query.time or not (asked or changed):
        return query
    return replace(
        query,
        intent=Intent.STATISTICS,
        statistics=(),
        unread=tuple(each for each in query.unread if each.lower() not in _SAID),
        counted_as=(),
        standing=True,
        since=True,
        when=False,
        tells_state=False,
        overview=False,
        recent=False,
    )
