"""Answers from device_anomalies: what is wrong, and since when."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from llm_service.domain.offline import answer_anomalies
from llm_service.domain.offline.anomaly_result import anomalies_from_json, of_fields
from llm_service.domain.offline.group import group_labels
from llm_service.domain.offline.plan_calls import CallPlanner
from llm_service.domain.offline.plan_defects import counting_values, tell_defects
from llm_service.domain.offline.plan_state import MOST_SERIES, CallTools, PlanState, Step
from llm_service.domain.offline.plan_stops import without_stops
from llm_service.domain.offline.query import Intent, Statistic
from llm_service.domain.offline.result import DeviceStatistics
from llm_service.domain.offline.result_json import all_statistics_from_json
from llm_service.domain.offline.spike import TAILS
from llm_service.domain.offline.toolbox import DeviceTool, PlannedCall

_OTHERS: Final = "other_device_codes"
# Devices whose single readings are looked at.
_MOST: Final = 20


def asks_anomalies(plan: PlanState) -> bool:
    """Whether the question is for anomalies and the tool is there; conditions are for statistics alone."""
    query = plan.query
    return query.intent is Intent.ANOMALY and plan.tools.has(DeviceTool.ANOMALIES) and not query.conditions


def answer_anomalies_of(plan: PlanState) -> Step:
    """Return the next step to an answer from device_anomalies."""
    if plan.query.recent and plan.query.time is None:
        if not plan.talk.cards and plan.tools.has(DeviceTool.LIST):
            return CallTools(calls=(plan.tools.call(DeviceTool.LIST),))
        plan.query = replace(plan.query, time=plan.latest_hour(plan.query.devices))
    query = plan.query
    gathered = plan.gathered(DeviceTool.ANOMALIES, _calls(plan))
    if not isinstance(gathered, list):
        return gathered
    times = [time for time in query.periods or (query.time,) for _ in _batches(plan)]
    read = [[of_fields(each, query) for each in anomalies_from_json(found.outcome.data)] for found in gathered]
    kept = without_stops(plan, [each for found in read for each in found])
    if isinstance(kept, CallTools):
        return kept
    left = iter(kept)
    read = [[next(left) for _ in found] for found in read]
    texts = [
        answer_anomalies.anomalies(plan.report, query, found, each.time(time))
        for found, each, time in zip(read, gathered, times, strict=True)
    ]
    results = [each for found in read for each in found]
    states_told = any(each.knows_states for each in results)
    single = _single(plan, labels=not states_told)
    if not isinstance(single, list):
        return single
    defects = [] if states_told else tell_defects(plan, single)
    if not isinstance(defects, list):
        return defects
    told = (answer_anomalies.spikes(plan.report, query, each) for each in single)
    spikes = list(dict.fromkeys(filter(None, told)))
    plan.heed("anomaly", {})
    counts = {each.device: each.lasting for each in results}
    looked = {each.device: each.lasting for each in results if each.windows}
    groups = _by_group(plan, counts) or _ranked(plan, looked) if len(query.periods) < 2 else []
    return plan.say("\n\n".join([*groups, *texts, *defects, *spikes]))


def _by_group(plan: PlanState, counts: Mapping[str, int]) -> list[str]:
    """In how many windows the devices of each group stand out, the most first; nothing without groups."""
    told: list[tuple[str, int]] = []
    labels = group_labels(plan.query, plan.talk.cards)
    for label in labels if len(labels) > 1 else ():
        members = [card.code for card in plan.talk.cards if label.lower() in map(str.lower, card.labels.values())]
        told.append((label, sum(counts.get(code, 0) for code in members)))
    if not told:
        return []
    plan.left_out = [part for part in plan.left_out if part not in {"groups", "rank"}]
    told.sort(key=lambda group: -group[1])
    return [plan.report.say.groups([(label, plan.report.say.times_of(count)) for label, count in told], "")]


def _ranked(plan: PlanState, counts: Mapping[str, int]) -> list[str]:
    """The devices by how many windows stand out, where the one with the most or the fewest is asked for."""
    if not plan.query.rank or len(counts) < 2:
        return []
    plan.left_out = [part for part in plan.left_out if part not in {"rank", "top"}]
    told = sorted(counts.items(), key=lambda pair: pair[1], reverse=Statistic.MIN not in plan.query.statistics)
    told = told[: plan.query.top or len(told)]
    lowest = Statistic.MIN in plan.query.statistics
    return [plan.report.say.most_anomalies([(code, plan.report.say.times_of(n)) for code, n in told], lowest=lowest)]


def _single(plan: PlanState, *, labels: bool) -> list[DeviceStatistics] | Step:
    """What tells which single readings lie far from the rest, which a window does not show; or the step to know it."""
    able = all(plan.tools.accepts(DeviceTool.STATISTICS, each) for each in ("percentiles", "extreme_times"))
    if not able:
        return []
    asked = replace(plan.query, percentiles=TAILS, statistics=(), devices=plan.query.devices[:_MOST])
    planner = CallPlanner(plan.talk, plan.tools, asked)
    calls = planner.statistics("when")
    found = plan.gathered(DeviceTool.STATISTICS, counting_values(plan, calls) if labels else calls)
    if not isinstance(found, list):
        return found
    return [result for each in found for result in all_statistics_from_json(each.outcome.data)]


def _calls(plan: PlanState) -> list[PlannedCall]:
    query = plan.query
    fields = CallPlanner(plan.talk, plan.tools, query).known_fields(query.devices)
    return [
        plan.tools.call(
            DeviceTool.ANOMALIES,
            time=time,
            device_code=codes[0],
            fields=fields,
            **{_OTHERS: list(codes[1:]) or None},
        )
        for time in query.periods or (query.time,)
        for codes in _batches(plan)
    ]


def _batches(plan: PlanState) -> list[tuple[str, ...]]:
    """The devices of each call: all in one where the tool can and their fields allow it."""
    codes = plan.query.devices
    if len(codes) > 1 and plan.tools.accepts(DeviceTool.ANOMALIES, _OTHERS):
        return [codes]
    return [(code,) for code in codes[:MOST_SERIES]]
