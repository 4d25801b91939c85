"""How long it took to reach a value: told by when it was reached first, for readings don't say from when on."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.query import Intent, Language, Note, Operator, Remark, Statistic, StructuredQuery
from llm_service.domain.offline.sentence import Sentence

_TAKING: Final = frozenset({"take", "took", "takes", "taken", "need", "needed", "needs", "until", "till", "before"})
_REACHING: Final = frozenset(
    {
        *("reach", "reaches", "reached", "hit", "hits", "get", "gets", "got", "climb", "rise", "heat", "go", "exceed"),
        *("pass", "to reach", "to get", "warm", "get to", "got to"),
    }
)
_TAKING_HAN: Final = (
    "多久才",
    "多长时间才",
    "花了多久",
    "用了多久",
    "花了多长时间",
    "用了多长时间",
    "多久达到",
    "多久能达到",
)
_REACHED: Final = frozenset({Operator.GE, Operator.GT})
_SAID: Final = {
    Language.ENGLISH: "when it was reached first; from when on that took the readings don't say",
    Language.CHINESE: "首次达到的时刻；数据里没有从何时算起",
}
_QUIET: Final = _TAKING | _REACHING | {"才", "花了", "用了", "达到"}


def with_reach(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` as one for when its condition held first, where it is asked how long it took to get there."""
    texts = [lexeme.text for lexeme in sentence.lexemes]
    joined = "".join(texts)
    english = not _TAKING.isdisjoint(texts) and any(text.split(" ")[0] in _REACHING for text in texts)
    limits = [each for each in query.conditions if each.operator in _REACHED and not isinstance(each.value, str)]
    plain = query.statistics == (Statistic.DURATION,) and len(limits) == len(query.conditions) == 1
    other = query.rank or query.interval or query.least or query.refused or query.each or query.periods
    if not (english or any(each in joined for each in _TAKING_HAN)) or not plain or other:
        return query
    words = " ".join(each for each in query.counted_as) or "how long"
    return replace(
        query,
        intent=Intent.STATISTICS,
        statistics=(),
        when=True,
        once=True,
        first=True,
        notes=(*query.notes, Note(remark=Remark.READ_AS, words=(words, _SAID[query.language]))),
        unread=tuple(each for each in query.unread if not set(each.lower().split()) <= _QUIET),
    )
