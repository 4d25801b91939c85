"""States of several machines at the same time: "when were both standing", "两台同时停机"."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from llm_service.domain.offline.lasting_stop import LASTING, says
from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Intent, Remark, Statistic, StructuredQuery
from llm_service.domain.offline.result import Spell
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_state import IDLE

_AT_ONCE: Final = frozenset(
    {"at the same time", "the same time", "same time", "simultaneously", "simultaneous", "at once", "concurrently"}
    | {"同时", "同一时间", "同一时刻", "同一时段", "同时段"}
)
_BOTH: Final = frozenset({"both", "both of them", "all", "all of them", "都", "两台都", "全都"})


def find_at_once(sentence: Sentence) -> bool:
    """Return whether states of several machines are asked for at one time, and mark the words for it.

    "At the same time yesterday" behind a number is a time of day: a state makes it one time of several machines.
    """
    stated = [at for at in range(len(sentence)) if Kind.STATE in sentence.lexeme_senses(at)]
    said = [at for at in range(len(sentence)) if sentence.text(at) in _AT_ONCE]
    if not stated or not said or any(sentence.has(at, Kind.FIELD) for at in range(len(sentence)) if at not in stated):
        return False
    sentence.use(said[0], said[0] + 1)
    return True


def with_at_once(query: StructuredQuery, sentence: Sentence, *, said: bool) -> StructuredQuery:
    """Return `query` as one for when all its machines were so, where that was `said` or both are asked when."""
    texts = {lexeme.text for lexeme in sentence.lexemes}
    said = said or (query.when and not query.once and not _BOTH.isdisjoint(texts))
    several = len(query.devices) + len(query.references) > 1 or query.all_devices or query.except_devices
    several = several or any(each.label for each in query.references)
    if not said or not several or not query.conditions or query.refused or query.fields or query.negation:
        return query
    stopped = says(query, IDLE)
    return replace(
        query,
        intent=Intent.STATISTICS,
        at_once=True,
        statistics=(Statistic.DURATION,),
        notes=tuple(note for note in query.notes if note.remark is not Remark.OVERVIEW),
        least=query.least or (LASTING if stopped else None),
        lasting=query.lasting or (stopped and query.least is None),
        each=True,
        when=False,
        holds=False,
        rank=False,
        once=False,
        since=False,
        same_time=False,
    )


def overlaps(several: Sequence[Sequence[Spell]]) -> list[Spell]:
    """Return the stretches that lie in a stretch of each machine, in the order of time."""
    found = list(several[0]) if several else []
    for others in several[1:]:
        pairs = ((one, other) for one in found for other in others)
        found = [cut for one, other in pairs if (cut := _cut(one, other)) is not None]
    return sorted(found, key=lambda spell: spell.start)


def _cut(one: Spell, other: Spell) -> Spell | None:
    start, end = max(one.start, other.start), min(one.end, other.end)
    return Spell(start=start, seconds=(end - start).total_seconds()) if end - start > timedelta() else None
