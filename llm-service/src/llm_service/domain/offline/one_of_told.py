"""Questions for one of what the answer before told: "which of them was the highest?", "其中哪台最高"."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.query import Intent, Statistic, StructuredQuery
from llm_service.domain.offline.words_data import LABEL_FIELD

ENDS: Final = frozenset({Statistic.MAX, Statistic.MIN})
_COUNTED: Final = frozenset({Statistic.SHARE, Statistic.EVENTS, Statistic.DURATION, Statistic.COUNT})

Merge = Callable[[StructuredQuery, StructuredQuery, StructuredQuery], StructuredQuery]
"""Fills a query up from the one before, with the devices of a third."""


def one_of_told(
    query: StructuredQuery, before: StructuredQuery, spoken: Sequence[str], merge: Merge
) -> StructuredQuery | None:
    """Return `query` as one for an end of what `before` asked for; None where it asks for none of that.

    `spoken` are the devices that were named before.
    """
    if query.of_them and query.fields == (LABEL_FIELD,):
        return _label_of_told(query, before, merge)
    # "Which machine burned most of that?"
    kept = set(query.statistics) - ENDS
    ends = bool(set(query.statistics) & ENDS) and kept <= {Statistic.INTEGRAL} & set(before.statistics)
    leans = ends and not _measures(query)
    chosen = query.of_them or (query.rank and leans)
    if query.devices or query.references or query.standing or not chosen:
        return None
    if (query.interval or (query.of_them and before.interval)) and not _several(before):
        interval = query.interval or before.interval
        return replace(merge(_told(query, before), before, before), rank=True, interval=interval, all_devices=False)
    devices = _devices(query, before, spoken)
    if query.interval:
        return None
    if devices is None:
        # "Who welded least?" behind what one of them did yesterday is of yesterday.
        own = query.fields or query.conditions
        return replace(query, time=before.time, periods=before.periods) if own and not query.time else None
    merged = replace(merge(_told(query, before), before, devices), fields=query.fields or before.fields)
    if query.fields and not before.fields:
        # "Which one was hotter?" behind how long each stood still.
        merged = replace(merged, conditions=query.conditions)
    return replace(merged, intent=Intent.STATISTICS, rank=True, interval=None, of_them=False)


def told_with_ends(query: StructuredQuery, before: StructuredQuery) -> tuple[Statistic, ...]:
    """Return what is asked for, where "highest" only says which end of the number told before is meant."""
    if not query.statistics or not set(query.statistics) <= ENDS:
        return query.statistics
    told = [each for each in before.statistics if each not in ENDS]
    if query.fields and query.fields != before.fields:
        told = [each for each in told if each not in _COUNTED]
    if not told and before.intent is Intent.TREND:
        told = [Statistic.CHANGE]
    if not told and not before.statistics and before.interval:
        told = [Statistic.MEAN]
    return tuple(dict.fromkeys((*told, *query.statistics)))


def _label_of_told(query: StructuredQuery, before: StructuredQuery, merge: Merge) -> StructuredQuery | None:
    """ "Which defect was the most common?": one of the labels of the devices before, no device."""
    if not _names_devices(before):
        return None
    merged = merge(query, before, before)
    return replace(merged, statistics=(), of_them=False, rank=_several(before), all_devices=before.all_devices)


def _names_devices(query: StructuredQuery) -> bool:
    return bool(query.devices or query.references or query.all_devices or query.except_devices)


def _measures(query: StructuredQuery) -> bool:
    return bool(query.fields or query.conditions or query.percentiles or query.judged or query.limit)


def _several(query: StructuredQuery) -> bool:
    """Whether it is asked of more than one device; where none is named, it is asked of all."""
    numbered = len(query.references) == 1 and not query.references[0].label
    return len(query.devices) != 1 and (bool(query.devices) or not numbered)


def _devices(query: StructuredQuery, before: StructuredQuery, spoken: Sequence[str]) -> StructuredQuery | None:
    """The devices one of which is asked for: those of the question before, those spoken of, else all there are."""
    if _several(before):
        named = before.devices or before.references or before.except_devices
        return before if named else replace(before, all_devices=True)
    if query.of_them:
        return replace(query, devices=tuple(spoken), all_devices=False) if len(spoken) > 1 else None
    return query


def _told(query: StructuredQuery, before: StructuredQuery) -> StructuredQuery:
    return replace(query, statistics=told_with_ends(query, before))
