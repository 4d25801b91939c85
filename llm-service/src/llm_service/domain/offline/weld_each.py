"""How long a weld is on average, by the words for the time of one: "avg weld time per seam", "每条焊缝的焊接时间"."""

import re
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.query import Condition, Intent, Note, Remark, Statistic, StructuredQuery
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_state import RUNNING

_SAID: Final = re.compile(
    r"\b(?:(?:weld|welding|arc|arc on|burn|run) )?(?:time|times|duration|durations|length) "
    r"(?:per|of each|of every|for each|for every|of one|of a|for a) (?:single )?(?:seam|weld|bead|arc|pass)\b"
    r"|每(?:一)?[条道个次段](?:焊缝|焊道|焊接|焊)的?(?:平均)?(?:焊接|起弧|燃弧)?(?:时间|时长|用时|耗时)"
)
_NUMBERS: Final = frozenset({Statistic.MEAN, Statistic.DURATION})


def with_weld_each(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` as one for the mean length of the stretches of welding, where that is asked for."""
    texts = [lexeme.text for lexeme in sentence.lexemes]
    found = _SAID.search(" ".join(texts)) or _SAID.search("".join(texts))
    limit = Condition(field=RUNNING.field, operator=RUNNING.operator, value=RUNNING.value)
    known = query.conditions == (limit,)
    if found is None or query.fields or query.rank or not set(query.statistics) <= _NUMBERS:
        return query
    if query.conditions and not known:
        return query
    taken = f"{limit.field} {limit.operator.value} {limit.value:g}"
    unread = tuple(each for each in query.unread if each.lower().replace(" ", "") not in found[0].replace(" ", ""))
    return replace(
        query,
        intent=Intent.STATISTICS,
        statistics=(Statistic.DURATION,),
        conditions=(limit,),
        each=True,
        unread=unread,
        notes=query.notes if known else (*query.notes, Note(remark=Remark.READ_AS, words=(found[0].strip(), taken))),
    )
