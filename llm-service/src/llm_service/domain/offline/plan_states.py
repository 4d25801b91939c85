"""The steps to whether conditions hold at a moment, or now."""

from collections.abc import Sequence
from dataclasses import replace

from llm_service.domain.offline import answer_states
from llm_service.domain.offline.gathering import Gathered
from llm_service.domain.offline.plan_calls import CallPlanner
from llm_service.domain.offline.plan_standing import pauses
from llm_service.domain.offline.plan_state import PlanState, Step
from llm_service.domain.offline.query import TimeRange
from llm_service.domain.offline.result import Series
from llm_service.domain.offline.result_json import series_from_json
from llm_service.domain.offline.toolbox import DeviceTool


def answer_holding(plan: PlanState) -> Step:
    """Return the next step to whether the conditions hold in the last reading, or in the last one until a moment."""
    query = plan.query
    fields = tuple(dict.fromkeys(condition.field for condition in query.conditions))
    asked = replace(query, fields=fields, conditions=())
    planner = CallPlanner(plan.talk, plan.tools, asked)
    times = query.periods or ((query.time,) if query.time else ())
    calls = planner.moments(query.devices, times) if times else planner.last(query.devices)
    found = plan.gathered(DeviceTool.QUERY, calls)
    if not isinstance(found, list):
        return found
    read = _series(query.devices, found) if not times else []
    paused = pauses(plan, read)
    if not isinstance(paused, dict):
        return paused
    plan.heed("holds", {})
    moments: Sequence[TimeRange | None] = times or (None,)
    texts = [
        answer_states.holding(plan.report, query, _series(query.devices, found[at * len(query.devices) :]), paused)
        for at in range(len(moments))
    ]
    return plan.say("\n\n".join(texts))


def _series(codes: Sequence[str], found: Sequence[Gathered]) -> list[Series]:
    read = [series_from_json(each.outcome.data) for each in found[: len(codes)]]
    return [replace(each, device=each.device or code) for each, code in zip(read, codes, strict=True)]
