"""When a device, or its run, started and ended, where no time is named: its first and its last reading."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.query import Intent, Remark, StructuredQuery
from llm_service.domain.offline.sentence import Sentence

_STARTED: Final = frozenset(
    {"start", "started", "starts", "begin", "began", "begins", "开始", "start time", "beginning", "从什么时候开始"}
    | {"什么时候开始", "几点开始", "从几点开始", "何时开始", "数据从什么时候开始"}
)
_ENDED: Final = frozenset({"end", "ended", "ends", "finish", "finished", "finishes", "结束", "结", "end time", "完"})


def with_extent(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` as one for the first and last reading of its devices, where it asks when they began and ended."""
    texts = {lexeme.text for lexeme in sentence.lexemes}
    both = not _STARTED.isdisjoint(texts) and not _ENDED.isdisjoint(texts)
    asked = query.fields or query.conditions or query.statistics or query.interval or query.time or query.periods
    named = query.devices or query.references or query.all_devices
    other = query.rank or query.negation or query.follows
    if not both or asked or other or not named or not (query.when or query.since):
        return query
    read = _STARTED | _ENDED | {"结束", "束", "run", "running", "data", "and when", "when", "it"}
    return replace(
        query,
        intent=Intent.LIST_DEVICES,
        when=False,
        since=False,
        refused="",
        unread=tuple(each for each in query.unread if each.lower() not in read),
        notes=tuple(note for note in query.notes if note.remark is not Remark.OVERVIEW),
    )
