"""The longest time that a machine ran without a stop: short pauses between two welds are none."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from llm_service.domain.offline.lasting_stop import LASTING, says
from llm_service.domain.offline.query import Condition, Intent, Remark, Statistic, StructuredQuery
from llm_service.domain.offline.result import Spell
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_shop import UNBROKEN
from llm_service.domain.offline.words_state import IDLE, RUNNING

_LONGEST: Final = frozenset({"longest", "the longest", "最长", "最久", "at most", "最多"})
_STOPPED: Final = Condition(field=IDLE.field, operator=IDLE.operator, value=IDLE.value)


def with_unbroken(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` as one for the stops and the longest time between them, where it asks how long none came."""
    texts = {lexeme.text for lexeme in sentence.lexemes}
    said = not UNBROKEN.isdisjoint(texts) and not _LONGEST.isdisjoint(texts)
    single = len(query.conditions) == 1 and says(query, RUNNING)
    other = query.rank or query.fields or query.interval or query.since or query.negation or query.refused
    if not said or not single or other or query.intent is not Intent.STATISTICS:
        return query
    return replace(
        query,
        conditions=(_STOPPED,),
        statistics=(Statistic.DURATION,),
        unread=tuple(each for each in query.unread if each.lower() not in _LONGEST),
        notes=tuple(note for note in query.notes if note.remark is not Remark.OVERVIEW),
        least=LASTING,
        over=False,
        lasting=True,
        doing=True,
        each=True,
        unbroken=True,
        when=False,
        longest=0,
    )


def longest_between(stops: Sequence[Spell], start: datetime, end: datetime) -> Spell | None:
    """Return the longest time from `start` to `end` that lies in none of `stops`; None without any."""
    free, begin = list[Spell](), start
    for stop in sorted(stops, key=lambda each: each.start):
        free.append(Spell(start=begin, seconds=(stop.start - begin).total_seconds()))
        begin = max(begin, stop.end)
    free.append(Spell(start=begin, seconds=(end - begin).total_seconds()))
    longest = max(free, key=lambda each: each.seconds)
    return longest if longest.seconds > 0 else None
