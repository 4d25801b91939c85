"""How many machines have a number within a limit: "how many machines had a mean gas flow below 15 L/min"."""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from llm_service.domain.offline.counted_interval import limits_of
from llm_service.domain.offline.field import match_field
from llm_service.domain.offline.query import Intent, Statistic, StructuredQuery

if TYPE_CHECKING:
    from llm_service.domain.offline.reading import Reading

_NUMBERS: Final = (Statistic.MEAN, Statistic.MEDIAN, Statistic.STD, Statistic.INTEGRAL, Statistic.PERCENTILE)


def with_counted_machines(query: StructuredQuery, reading: "Reading") -> StructuredQuery:
    """Return `query` as a ranking by that number, with its limit, where machines are counted by one.

    "Below 15" is said of the number then, and of no single reading.
    """
    number = next((each for each in _NUMBERS if each in query.statistics), None)
    limits = tuple(each for each in limits_of(query) if match_field(each.field, query.fields))
    asked = reading.topic.counts_devices and number is not None and len(limits) == len(query.fields) == 1
    if not asked or number is None or query.any_condition or query.interval or query.periods or query.when:
        return query
    others = tuple(each for each in query.conditions if each not in limits)
    told = replace(query, intent=Intent.STATISTICS, statistics=(number,), conditions=others, limits=limits, rank=True)
    return replace(told, all_devices=not query.devices and not query.references, whether=False, always=False)
