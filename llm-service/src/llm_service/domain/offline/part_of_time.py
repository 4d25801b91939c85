"""For how much of a time conditions held: "how much of the last hour was it between 100 and 150 A"."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.query import Intent, Statistic, StructuredQuery
from llm_service.domain.offline.sentence import Sentence

_MUCH: Final = frozenset({"how much", "how large a part", "how big a part"})
_PART: Final = frozenset({"part", "portion", "proportion", "percent", "percentage", "fraction", "share"})
_ASKING: Final = frozenset({"what", "which", "for what", "during what"})
_OF: Final = ("of",)


def with_part_of_time(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` as one for how long its conditions held, where it is asked for how much of a time they did."""
    said = next(filter(None, (_asked(sentence, at) for at in range(len(sentence)))), "")
    conditioned = {each.field for each in query.conditions}
    plain = not query.statistics or (query.whether and query.statistics == (Statistic.EVENTS,))
    other = query.when or query.since or query.holds or query.rank or query.interval or query.percentiles
    if not said or not conditioned or not plain or other or not set(query.fields) <= conditioned:
        return query
    unread = tuple(each for each in query.unread if each.lower() not in _PART)
    asked = replace(query, intent=Intent.STATISTICS, statistics=(Statistic.DURATION,), fields=(), unread=unread)
    return replace(asked, whether=False, always=False, counted_as=(said,))


def _asked(sentence: Sentence, at: int) -> str:
    """The words at `at` that ask for a part of what follows, "" for other words."""
    if sentence.text(at) in _MUCH and sentence.text(at + 1).split(" ")[0] in _OF:
        return sentence.raw(at)
    part = sentence.text(at) in _ASKING and sentence.text(at + 1) in _PART
    return f"{sentence.raw(at)} {sentence.raw(at + 1)}" if part and sentence.text(at + 2).split(" ")[0] in _OF else ""
