"""Which of several is hotter, or has the higher current: by the mean over the time, as for two that are compared."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.query import Intent, Statistic, StructuredQuery
from llm_service.domain.offline.sentence import Sentence

_ENDS: Final = frozenset({Statistic.MAX, Statistic.MIN})
_COMPARING: Final = frozenset(
    {
        *("higher", "lower", "larger", "smaller", "bigger", "greater", "hotter", "warmer", "colder", "cooler"),
        *(
            "更高",
            "更大",
            "更低",
            "更小",
            "更热",
            "更冷",
            "更烫",
            "高一些",
            "高一点",
            "大一些",
            "低一些",
            "更强",
            "更弱",
        ),
    }
)


def _which_of_compared(query: StructuredQuery) -> bool:
    ends = set(query.statistics)
    plain = query.intent is Intent.COMPARE and query.rank and len(query.fields) == 1 and len(query.periods) < 2
    return plain and len(ends) == 1 and ends <= _ENDS and not (query.conditions or query.interval or query.when)


def with_comparative(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` ranked by the mean where a comparative asks which is higher, and nothing says by what.

    "The highest" is an extreme, which one reading may be.
    """
    texts = {lexeme.text for lexeme in sentence.lexemes}
    said = any(text in _COMPARING or text.removesuffix(" than") in _COMPARING for text in texts)
    ends = set(query.statistics)
    if said and _which_of_compared(query):
        # "Compare A and B: which ran hotter".
        return replace(query, intent=Intent.STATISTICS, statistics=(Statistic.MEAN, *query.statistics))
    plain = query.rank and len(query.fields) == 1 and len(ends) == 1 and ends <= _ENDS
    other = query.conditions or query.interval or query.when or query.percentiles or query.once or query.robust
    moment = query.time is None or query.time.instant
    if not said or not plain or other or moment or query.intent is not Intent.STATISTICS:
        return query
    return replace(query, statistics=(Statistic.MEAN, *query.statistics))
