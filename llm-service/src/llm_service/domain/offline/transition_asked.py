"""How often a label changed from one to another: "from good to bad", "从合格变成不合格"."""

from dataclasses import replace
from itertools import pairwise
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import (
    Condition,
    Intent,
    Language,
    Note,
    Operator,
    Remark,
    Statistic,
    StructuredQuery,
)
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_data import GOOD, LABEL_FIELD

_FROM: Final = frozenset({"from", "从", "由", "自"})
_TO: Final = frozenset(
    {"to", "into", "到", "至", "变成", "变为", "变", "转为", "转成", "变到", "变成了", "变为了", "成", "成了", "转"}
)
_NEAR: Final = 3
_SAID: Final = frozenset(
    {"change", "changes", "changed", "switch", "switched", "flip", "flipped", "turn", "turned", "变化", "变"}
)
_AGAIN: Final = {
    Language.ENGLISH: "a stretch of {} begins; one that goes on behind a gap in the data counts again",
    Language.CHINESE: "{} 的一段开始（数据中断后继续的另算一次）",
}


def with_transition(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` as one for the stretches of the second label, where the change to it from the first is asked for.

    Readings have one label or none, so that each such stretch follows readings of another one.
    """
    found = _labels(sentence)
    if found is None or query.refused or query.negation or query.rank:
        return query
    begin, end, first, second = found
    how = Operator.EQ if second else Operator.NE
    condition = Condition(field=LABEL_FIELD, operator=how, value=second or GOOD)
    others = tuple(each for each in query.conditions if each.field != LABEL_FIELD)
    if not first and not second:
        return query
    words = " ".join(sentence.raw(at) for at in range(begin, end))
    text = f"{LABEL_FIELD} {how.value} {second or GOOD}"
    note = Note(remark=Remark.READ_AS, words=(words, _AGAIN[query.language].format(text)))
    unread = tuple(each for each in query.unread if each.lower() not in _SAID | _TO | _FROM)
    timed = (Statistic.EVENTS,) if not query.when else ()
    return replace(
        query,
        intent=Intent.STATISTICS,
        fields=(),
        conditions=(*others, condition),
        statistics=timed,
        interval=None,
        each=query.each or query.when,
        any_condition=False,
        unread=unread,
        notes=(*query.notes, note),
        confidence=1.0,
    )


def _labels(sentence: Sentence) -> tuple[int, int, str, str] | None:
    """The places of "from good to bad" and the two labels, "" for any bad one; None for anything else."""
    labels = [at for at in range(len(sentence)) if Kind.LABEL in sentence.lexeme_senses(at)]
    for first, second in pairwise(labels):
        led = sentence.text(first - 1) in _FROM
        between = range(first + 1, second)
        linked = 0 < len(between) <= _NEAR and any(sentence.text(at) in _TO for at in between)
        names = [str(sentence.lexeme_senses(at)[Kind.LABEL]) for at in (first, second)]
        if linked and led and names[0] != names[1]:
            return first - 1, second + 1, names[0], names[1]
    return None
