"""A break that is asked for with its end: "when did it go on its lunch break and when did it come back?"."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.query import Condition, StructuredQuery
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_state import IDLE

_BREAKS: Final = frozenset({"break", "pause", "休息"})
_MEALS: Final = frozenset({"lunch", "coffee", "tea", "dinner", "meal", "breakfast", "午间", "午餐", "晚餐", "用餐"})
_OCCASIONS: Final = _MEALS | {
    "afternoon",
    "morning",
    "evening",
    "night",
    "noon",
    "midday",
    "下午",
    "上午",
    "中午",
    "晚上",
}
# What asks for the end of a stop, which is told with its start.
_RETURNING: Final = frozenset(
    {
        *("and when", "when", "come back", "came back", "back", "come", "came", "resume", "resumed", "return"),
        *(
            "returned",
            "again",
            "back to work",
            "come back to work",
            "came back to work",
            "back at work",
            "come back on",
        ),
        *(
            "get back",
            "got back",
            "get back to work",
            "over",
            "end",
            "ended",
            "finish",
            "finished",
            "再",
            "回来",
            "恢复",
        ),
        *("复工", "恢复工作", "恢复运行", "重新", "继续", "又", "结束", "开始"),
    }
)


def with_break(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` as one for the longest stop where a break of the day is named; the end of a stop asks no more."""
    stopped = Condition(field=IDLE.field, operator=IDLE.operator, value=IDLE.value) in query.conditions
    if not stopped or not query.when or query.fields or query.statistics:
        return query
    texts = [lexeme.text for lexeme in sentence.lexemes]
    single = any(text in _BREAKS and _of_day(texts[max(at - 2, 0) : at]) for at, text in enumerate(texts))
    told = _RETURNING | (_MEALS if single else frozenset[str]())
    kept = tuple(
        each for each in query.unread if each.lower().removeprefix("几点").removeprefix("什么时候") not in told
    )
    query = _within_part(query) if single else query
    return replace(query, unread=kept, longest=query.longest or int(single))


def _of_day(before: Sequence[str]) -> bool:
    """Whether the words before a break say which one of the day it is."""
    return any(text.endswith(occasion) for text in before for occasion in _OCCASIONS)


def _within_part(query: StructuredQuery) -> StructuredQuery:
    """The query with the part of the day alone, where its day stands apart: "the lunch break yesterday"."""
    for part in query.periods if len(query.periods) == 2 else ():
        other = next(each for each in query.periods if each is not part)
        if part.start and part.end and other.start and other.end and other.start <= part.start < part.end <= other.end:
            return replace(query, time=part, periods=())
    return query
