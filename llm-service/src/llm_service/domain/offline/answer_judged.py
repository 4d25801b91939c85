"""Answers about a value: whether it is as usual, by the readings between the outermost twentieths."""

from typing import Final

from llm_service.domain.offline.answer_fields import fields_of
from llm_service.domain.offline.answer_writer import Answered, Report
from llm_service.domain.offline.measure_text import shown
from llm_service.domain.offline.phrases_states import Place
from llm_service.domain.offline.query import Judged, Statistic, StructuredQuery, Verdict
from llm_service.domain.offline.unit import converted

SHARES: Final = (5.0, 50.0, 95.0)
"""Between the first and the last of these percentiles lies what is usual."""


def judged(report: Report, query: StructuredQuery, value: Judged, each: Answered) -> str:
    """Say where a value lies among the readings of a device, "yes" or "no" first."""
    existing = [one.field for one in each.result.fields]
    names = fields_of(query, existing)
    one = each.result.of(names[0]) if names else None
    if one is None:
        return report.unknown_fields(each.result.device, query.fields, existing)
    low, middle, high = (one.percentiles.get(f"{share:g}") for share in SHARES)
    if low is None or middle is None or high is None:
        return report.say.no_numbers(each.result.device, report.period(query, each.time))
    own = one.values.get(Statistic.LAST) if value.value is None else value.value
    if value.value is not None and one.unit and value.unit not in {"", "°", one.unit}:
        own = converted(value.value, value.unit, one.unit)
    if own is None and value.value is None:
        return report.say.no_numbers(each.result.device, report.period(query, each.time))
    if own is None:
        return report.say.not_converted(value.unit, one.unit)
    side = -1 if own < low else 1 if own > high else 0
    holds = {
        Verdict.USUAL: side == 0,
        Verdict.UNUSUAL: side != 0,
        Verdict.HIGH: side > 0,
        Verdict.LOW: side < 0,
    }
    place = Place(
        device=each.result.device,
        period=report.period(query, each.time),
        field=one.field,
        value=shown(own, one.unit, query),
        side=side,
        low=shown(low, one.unit, query),
        middle=shown(middle, one.unit, query),
        high=shown(high, one.unit, query),
        newest=value.value is None,
    )
    return report.say.judged(place, holds=holds[value.verdict])
