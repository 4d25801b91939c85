"""The unit that a length of time is asked for in: "how many seconds was it idle", "in minutes", "多少秒"."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Statistic, StructuredQuery
from llm_service.domain.offline.sentence import Sentence

_UNITS: Final = (("second", "s"), ("秒", "s"), ("minute", "min"), ("分", "min"), ("hour", "h"), ("小时", "h"))
_ASKING: Final = ("how many", "多少", "几", "有几", "有多少")
_BARE: Final = frozenset({"seconds", "minutes", "hours", "秒", "分钟", "小时", "mins", "secs"})


def with_told_in(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` with the unit its duration is asked for in, where it is asked for in one."""
    if Statistic.DURATION not in query.statistics:
        return query
    for at in range(len(sentence)):
        text = sentence.text(at)
        counted = Kind.HOW_LONG in sentence.lexeme_senses(at) and text.startswith(_ASKING)
        named = text in _BARE and (Kind.IN in sentence.lexeme_senses(at - 1) or sentence.text(at - 1) in _ASKING)
        unit = next((unit for part, unit in _UNITS if part in text), "") if counted or named else ""
        if unit:
            return replace(query, told_in=unit)
    return query
