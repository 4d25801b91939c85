"""The steps to which device's values rise, or fall, the most: by the line through each one's course."""

from dataclasses import replace

from llm_service.domain.offline import answer_slopes
from llm_service.domain.offline.answer_slopes import Slope
from llm_service.domain.offline.plan_calls import CallPlanner
from llm_service.domain.offline.plan_state import PlanState, Step
from llm_service.domain.offline.query import Statistic
from llm_service.domain.offline.result_json import series_from_json, statistics_from_json
from llm_service.domain.offline.toolbox import DeviceTool


def asks_slopes(plan: PlanState) -> bool:
    """Whether several devices are to be ranked by how one of their fields went, and courses can be read."""
    query = plan.query
    plain = not (query.interval or query.percentiles or len(query.periods) > 1)
    ranked = query.rank and Statistic.CHANGE in query.statistics and len(query.devices) > 1 and len(query.fields) == 1
    able = plan.tools.has(DeviceTool.STATISTICS) and plan.tools.accepts(DeviceTool.QUERY, "interval")
    return ranked and plain and able


def answer_slopes_of(plan: PlanState) -> Step:
    """Return the next step to the devices in the order of their slopes."""
    found = find_slopes(plan)
    if not isinstance(found, list):
        return found
    plan.heed("slopes", {each.field: each.unit for each in found}, tuple(each.device for each in found))
    return plan.say(answer_slopes.ranking(plan.report, plan.query, found))


def find_slopes(plan: PlanState) -> list[Slope] | Step:
    """Return the slope of each device that has one, the first of the ranking first; or the step that leads to it."""
    if plan.query.recent and plan.query.time is None:
        # "Whose temperature is rising": of the last while.
        plan.query = replace(plan.query, time=plan.latest_hour(plan.query.devices))
    measured = plan.gathered(DeviceTool.STATISTICS, CallPlanner(plan.talk, plan.tools, plan.query).measured())
    if not isinstance(measured, list):
        return measured
    pairs = zip(plan.query.devices, (statistics_from_json(each.outcome.data) for each in measured), strict=True)
    there = {code: result for code, result in pairs if result.row_count}
    if not there:
        return plan.explain_empty(plan.query.first_device, plan.query.time)
    asked = replace(plan.query, devices=tuple(there))
    planner = CallPlanner(plan.talk, plan.tools, asked)
    gathered = plan.gathered(DeviceTool.QUERY, planner.courses([*there.values()]))
    if not isinstance(gathered, list):
        return gathered
    plan.left_out += planner.left_out
    courses = [(series_from_json(each.outcome.data), each.time(asked.time)) for each in gathered]
    named = [(replace(series, device=code), time) for (series, time), code in zip(courses, there, strict=True)]
    return answer_slopes.slopes(asked, named)
