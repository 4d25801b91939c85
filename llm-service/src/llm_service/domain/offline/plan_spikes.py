"""The steps to the extremes without single readings that lie far from the rest, and what is said of both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from llm_service.domain.offline.answer_fields import fields_of, limited
from llm_service.domain.offline.answer_ranking import ranked_by
from llm_service.domain.offline.answer_writer import Answered
from llm_service.domain.offline.heeding import told_apart
from llm_service.domain.offline.measure_text import measures_of, shown, shown_value
from llm_service.domain.offline.phrases_states import FarExtreme
from llm_service.domain.offline.plan_calls import CallPlanner
from llm_service.domain.offline.plan_state import CallTools, PlanState, Say
from llm_service.domain.offline.query import Condition, Operator, Statistic
from llm_service.domain.offline.result import FieldStatistics
from llm_service.domain.offline.result_json import all_statistics_from_json
from llm_service.domain.offline.spike import Spike, bounds_of, spikes_of
from llm_service.domain.offline.toolbox import DeviceTool, PlannedCall

# Extremes that are looked up once more, without what lies far off.
_MOST: Final = 12
_MOST_TOLD: Final = 6
_BOUNDS: Final = {Statistic.MAX: Operator.LE, Statistic.MIN: Operator.GE}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """An extreme of a field of a device that lies far from the rest."""

    each: Answered
    one: FieldStatistics
    spike: Spike


def tell_spikes(plan: PlanState, kind: str, answered: Sequence[Answered]) -> str | CallTools | Say:
    """Return what is to be said of extremes that lie far from the rest, "" for nothing; or the step to know it."""
    if not CallPlanner(plan.talk, plan.tools, plan.query).tells_spikes(kind):
        return ""
    if plan.query.robust and not told_apart(plan.query):
        return _tell_rest(plan, answered)
    far = [found for each in answered for found in _far_of(plan, each)]
    if not far:
        return ""
    rests = _rests(plan, far)
    if not isinstance(rests, list):
        return rests
    lines = limited(plan.report.say, [_line(plan, *pair) for pair in zip(far, rests, strict=True)], _MOST_TOLD)
    order = _order(plan, answered, far, rests) if kind == "rank" else []
    return "\n".join([plan.report.say.spikes_told(), *lines, *order])


def without_far(plan: PlanState, kind: str, answered: Sequence[Answered]) -> list[Answered] | CallTools | Say:
    """Return what the answer begins with: where single readings far from the rest shall be left out, without them.

    Where that can't be done it is named; the step to know it otherwise.
    """
    query = plan.query
    if not query.robust or not told_apart(query) or "robust" in plan.left_out:
        return [*answered]
    if not CallPlanner(plan.talk, plan.tools, query).tells_spikes(kind):
        plan.left_out.append("robust")
        return [*answered]
    far = [found for each in answered for found in _far_of(plan, each)]
    rests = _rests(plan, far)
    if not isinstance(rests, list):
        return rests
    if None in rests:
        plan.left_out.append("robust")
        return [*answered]
    kept = {(id(told.each), told.one.field, told.spike.statistic): rest for told, rest in zip(far, rests, strict=True)}
    return [
        replace(each, result=replace(each.result, fields=tuple(_kept(each, one, kept) for one in each.result.fields)))
        for each in answered
    ]


def _kept(
    each: Answered, one: FieldStatistics, rests: Mapping[tuple[int, str, Statistic], FieldStatistics | None]
) -> FieldStatistics:
    """The numbers of a field with the extremes that it has without readings far from the rest."""
    for statistic in (Statistic.MAX, Statistic.MIN):
        rest = rests.get((id(each), one.field, statistic))
        if rest is None:
            continue
        count = rest.values.get(Statistic.COUNT)
        values = {**one.values, statistic: rest.values[statistic]}
        values |= {Statistic.COUNT: min(count, one.values.get(Statistic.COUNT, count))} if count is not None else {}
        highest = statistic is Statistic.MAX
        one = replace(
            one,
            values=values,
            max_time=rest.max_time if highest else one.max_time,
            min_time=one.min_time if highest else rest.min_time,
        )
    return one


def _rests(plan: PlanState, far: Sequence[_Told]) -> list[FieldStatistics | None] | CallTools | Say:
    """What each field has without such readings, None where that is not known; or the step to know it."""
    rests: list[FieldStatistics | None] = [None] * len(far)
    if not far or not plan.query.fields or plan.query.any_condition:
        return rests
    gathered = plan.gathered(DeviceTool.STATISTICS, [_call(plan, each) for each in far[:_MOST]])
    if not isinstance(gathered, list):
        return gathered
    for at, (told, outcome) in enumerate(zip(far, gathered, strict=False)):
        result = all_statistics_from_json(outcome.outcome.data)[0]
        one = result.of(told.one.field)
        rests[at] = one if one and told.spike.statistic in one.values else None
    return rests


def _tell_rest(plan: PlanState, answered: Sequence[Answered]) -> str | CallTools | Say:
    """Return the numbers asked for of the readings within what is usual; the step to know them."""
    query = plan.query
    usual: list[tuple[Answered, FieldStatistics, tuple[Condition, ...]]] = []
    for each in answered:
        for name in fields_of(query, [one.field for one in each.result.fields]):
            one = each.result.of(name)
            bounds = bounds_of(one) if one else None
            if one and bounds:
                pairs = zip((Operator.GE, Operator.LE), bounds, strict=True)
                usual.append((each, one, tuple(Condition(field=name, operator=how, value=at) for how, at in pairs)))
    if not usual or len(usual) > _MOST or query.any_condition:
        plan.left_out.append("robust")
        return ""
    calls = [_within(plan, each, one.field, conditions, query.statistics) for each, one, conditions in usual]
    gathered = plan.gathered(DeviceTool.STATISTICS, calls)
    if not isinstance(gathered, list):
        return gathered
    lines: list[str] = []
    for (each, one, conditions), outcome in zip(usual, gathered, strict=True):
        result = all_statistics_from_json(outcome.outcome.data)[0]
        rest = result.of(one.field)
        if rest is not None:
            period = f"{plan.report.say.period(each.time)} {plan.report.say.where((*query.conditions, *conditions))}"
            lines += [
                plan.report.say.one_value(
                    result.device, period, plan.report.name(one.field, m), shown_value(query, rest, m), result.row_count
                )
                for m in measures_of(query)
            ]
    return "\n".join([plan.report.say.rest_told(), *limited(plan.report.say, lines, _MOST_TOLD)])


def _far_of(plan: PlanState, each: Answered) -> list[_Told]:
    asked = set(plan.query.statistics)
    extremes = {Statistic.MAX, Statistic.MIN} if not asked or Statistic.RANGE in asked else asked
    existing = [one.field for one in each.result.fields]
    chosen = fields_of(plan.query, existing) if plan.query.fields else existing
    ones = [one for one in each.result.fields if one.field in chosen]
    found = [_Told(each=each, one=one, spike=spike) for one in ones for spike in spikes_of(one)]
    return [told for told in found if told.spike.statistic in extremes]


def _call(plan: PlanState, told: _Told) -> PlannedCall:
    """The same statistics of the readings within the bound."""
    spike = told.spike
    within = Condition(field=told.one.field, operator=_BOUNDS[spike.statistic], value=round(spike.bound, 6))
    return _within(plan, told.each, told.one.field, (within,), (spike.statistic,))


def _within(
    plan: PlanState,
    each: Answered,
    field: str,
    conditions: tuple[Condition, ...],
    statistics: tuple[Statistic, ...],
) -> PlannedCall:
    extremes = told_apart(replace(plan.query, statistics=statistics))
    asked = replace(
        plan.query,
        devices=(each.result.device,),
        fields=(field,),
        conditions=(*plan.query.conditions, *conditions),
        statistics=statistics,
        percentiles=() if extremes else plan.query.percentiles,
        within=True,
        time=each.time,
        periods=(),
    )
    return CallPlanner(plan.talk, plan.tools, asked).statistics("when" if extremes else "statistics")[0]


def _line(plan: PlanState, told: _Told, rest: FieldStatistics | None) -> str:
    query, say, spike, unit = plan.query, plan.report.say, told.spike, told.one.unit
    device = told.each.result.device
    far = FarExtreme(
        device=f"{device} {say.period(told.each.time)}" if len(query.periods) > 1 else device,
        name=say.named(told.one.field, say.statistic(spike.statistic)),
        value=shown(spike.value, unit, query),
        time=say.times.stamp(spike.time),
        edge=shown(spike.edge, unit, query, 4),
        bound=shown(spike.bound, unit, query, 4),
        rest="" if rest is None else shown(rest.values[spike.statistic], unit, query),
        rest_time=say.times.stamp(time) if rest and (time := _time_of(rest, spike.statistic)) else "",
    )
    return say.without_spike(far)


def _time_of(one: FieldStatistics, statistic: Statistic) -> datetime | None:
    return one.max_time if statistic is Statistic.MAX else one.min_time


def _order(
    plan: PlanState, answered: Sequence[Answered], far: Sequence[_Told], rests: Sequence[FieldStatistics | None]
) -> list[str]:
    """The ranking by what the devices have without such readings."""
    measure, lowest = ranked_by(plan.query)
    if len(far) > _MOST or None in rests or measure.share:
        return []
    pairs = [(told, rest) for told, rest in zip(far, rests, strict=True) if rest is not None]
    without = {told.each.result.device: rest.values[told.spike.statistic] for told, rest in pairs}
    values: list[tuple[float, str]] = []
    for each in answered:
        names = fields_of(plan.query, [one.field for one in each.result.fields])
        one = each.result.of(names[0]) if names else None
        value = measure.value(one) if one else None
        if one is not None and value is not None:
            value = without.get(each.result.device, value)
            values.append((value, f"{each.result.device} {shown(value, one.unit, plan.query)}"))
    values.sort(key=lambda pair: pair[0], reverse=not lowest)
    return [plan.report.say.order_without([text for _, text in values[: plan.query.top or len(values)]])]
