"""Which way a course is asked to go by a question for yes or no: "is it rising", "是不是在下降"."""

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from llm_service.domain.offline import words_topic
from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Intent, StructuredQuery
from llm_service.domain.offline.sentence import Sentence

_OPENING: Final = frozenset({"is", "are", "was", "were", "has", "have", "had", "does", "do", "did"})
_WHETHER: Final = frozenset({"是不是", "是否", "有没有"})
_RISING: Final = frozenset(
    {
        *("rising", "increasing", "going up", "climbing", "rise", "rises", "risen", "rose", "increase", "increased"),
        *("gone up", "went up", "go up", "getting hotter", "getting warmer", "getting higher", "heating up"),
        *("climbed", "grown", "warmed"),
        *(
            "上升",
            "升高",
            "上涨",
            "在涨",
            "在升温",
            "升温",
            "增加",
            "升高了",
            "上升了",
            "越来越高",
            "越来越热",
            "变热了",
        ),
    }
)
_OTHER: Final = (Kind.NOT, Kind.OR, Kind.EXCEPT, Kind.ASK_WHEN, Kind.WHICH)


def with_course(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` with the course, "up" or "down", that yes or no is asked of."""
    plain = query.intent is Intent.TREND and len(query.fields) == 1 and not query.interval and not query.rank
    other = query.unread or query.negation or query.when or query.statistics or query.refused
    texts = {lexeme.text for lexeme in sentence.lexemes}
    doubled = any(kind in lexeme.senses for lexeme in sentence.lexemes for kind in _OTHER)
    if not plain or other or doubled or not asks_yes_or_no(sentence):
        return query
    return replace(query, course={"above": "up", "below": "down"}.get(side_of_course(texts), ""))


def side_of_course(texts: Collection[str]) -> str:
    """Return "above" where the words say that something rose, "below" where it fell, "" where neither or both."""
    up, down = not _RISING.isdisjoint(texts), not words_topic.FALLING.isdisjoint(texts)
    return ("above" if up else "below") if up != down else ""


def asks_yes_or_no(sentence: Sentence) -> bool:
    """Whether it is asked if something is so."""
    opened = sentence.text(sentence.skip(0, (Kind.FOLLOW, Kind.AND))) in _OPENING or sentence.text(0) in _OPENING
    return opened or any(lexeme.text.endswith("吗") or lexeme.text in _WHETHER for lexeme in sentence.lexemes)
