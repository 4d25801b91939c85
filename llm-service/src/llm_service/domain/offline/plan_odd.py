"""Answers with the single readings that lie far from the rest, each with its time."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.answer_fields import fields_of
from llm_service.domain.offline.json_value import number_or_none
from llm_service.domain.offline.measure_text import shown
from llm_service.domain.offline.plan_calls import CallPlanner
from llm_service.domain.offline.plan_state import PlanState, Step
from llm_service.domain.offline.result import DeviceStatistics, Series
from llm_service.domain.offline.result_json import all_statistics_from_json, series_from_json
from llm_service.domain.offline.spike import TAILS, bounds_of, spikes_of
from llm_service.domain.offline.toolbox import DeviceTool, PlannedCall

_MOST_ROWS: Final = 200
_MOST_TOLD: Final = 40
_MOST_DEVICES: Final = 8

Bounds = Mapping[str, tuple[float, float]]


def asks_odd(plan: PlanState) -> bool:
    """Whether such readings are asked for, and the tools can tell them."""
    percentiles = all(plan.tools.accepts(DeviceTool.STATISTICS, each) for each in ("percentiles", "extreme_times"))
    return plan.query.odd and percentiles and plan.tools.accepts(DeviceTool.QUERY, "any_of")


def answer_odd_of(plan: PlanState) -> Step:
    """Return the next step to the readings of each device that lie far from the rest of its field."""
    codes = plan.query.devices[:_MOST_DEVICES]
    plan.left_out += ["devices"] if len(plan.query.devices) > len(codes) else []
    asked = replace(plan.query, percentiles=TAILS, statistics=(), devices=codes, odd=False)
    found = plan.gathered(DeviceTool.STATISTICS, CallPlanner(plan.talk, plan.tools, asked).statistics("when"))
    if not isinstance(found, list):
        return found
    results = [result for each in found for result in all_statistics_from_json(each.outcome.data)]
    bounds = [_bounds(plan, result) for result in results]
    calls = [_call(plan, result, each) for result, each in zip(results, bounds, strict=True) if each]
    gathered = plan.gathered(DeviceTool.QUERY, calls) if calls else []
    if not isinstance(gathered, list):
        return gathered
    rows = iter(series_from_json(each.outcome.data) for each in gathered)
    plan.heed("anomaly", {})
    texts = [
        _told(plan, result, each, next(rows) if each else None) for result, each in zip(results, bounds, strict=True)
    ]
    return plan.say("\n\n".join(texts))


def _bounds(plan: PlanState, result: DeviceStatistics) -> Bounds:
    """Beyond which values a reading lies far from the rest, of the fields that have one that does."""
    existing = [one.field for one in result.fields]
    chosen = fields_of(plan.query, existing) if plan.query.fields else existing
    ones = [one for name in chosen if (one := result.of(name)) and spikes_of(one)]
    found: dict[str, tuple[float, float]] = {}
    for one in ones:
        low, high = (one.percentiles.get(f"{share:g}") for share in TAILS)
        if bounds_of(one) and low is not None and high is not None:
            found[one.field] = (low - (high - low), high + (high - low))
    return found


def _call(plan: PlanState, result: DeviceStatistics, bounds: Bounds) -> PlannedCall:
    conditions = [
        {"field": name, "operator": how, "value": round(value, 6)}
        for name, (low, high) in bounds.items()
        for how, value in (("<", low), (">", high))
    ]
    return plan.tools.call(
        DeviceTool.QUERY,
        time=plan.query.time,
        device_code=result.device,
        fields=list(bounds),
        any_of=conditions,
        limit=_MOST_ROWS,
    )


def _told(plan: PlanState, result: DeviceStatistics, bounds: Bounds, series: Series | None) -> str:
    say = plan.report.say
    period = say.period(plan.query.time)
    lines: Sequence[str] = _lines(plan, bounds, series) if series else ()
    if not lines:
        return say.no_odd_readings(result.device, period, result.row_count)
    more = len(lines) - _MOST_TOLD
    listed = [f"- {line}" for line in lines[:_MOST_TOLD]]
    count = f"{len(lines)}+" if series and len(series.rows) >= _MOST_ROWS else str(len(lines))
    head = say.odd_readings(result.device, period, count)
    return "\n".join([head, *listed, *([say.and_more(more)] if more > 0 else [])])


def _lines(plan: PlanState, bounds: Bounds, series: Series) -> Sequence[str]:
    stamp, lines = plan.report.say.times.stamp, list[str]()
    for time, row in zip(series.times, series.rows, strict=True):
        told: list[str] = []
        for name, (low, high) in bounds.items():
            value = number_or_none(row[series.columns.index(name)]) if name in series.columns else None
            if value is not None and not low <= value <= high:
                told.append(f"{name} {shown(value, series.units.get(name, ''), None)}")
        if told:
            lines.append(f"{stamp(time)}: {', '.join(told)}")
    return lines
