"""The statistics that an answer is computed from, rather than told."""

from llm_service.domain.offline.answer_writer import Answered
from llm_service.domain.offline.plan_calls import CallPlanner
from llm_service.domain.offline.plan_state import PlanState, Step
from llm_service.domain.offline.query import StructuredQuery
from llm_service.domain.offline.result_json import all_statistics_from_json
from llm_service.domain.offline.toolbox import DeviceTool


def read_statistics(plan: PlanState, asked: StructuredQuery, kind: str) -> list[Answered] | Step:
    """Return the statistics `asked` for of the devices and ranges that have rows, or the step that leads to them.

    There is at least one; where no range has a row, the step says so.
    """
    planner = CallPlanner(plan.talk, plan.tools, asked)
    found = plan.gathered(DeviceTool.STATISTICS, planner.statistics(kind))
    if not isinstance(found, list):
        return found
    plan.left_out += planner.left_out
    answered = [
        Answered(result=result, time=each.time(time))
        for each, time in zip(found, planner.times, strict=True)
        for result in all_statistics_from_json(each.outcome.data)
    ]
    there = [each for each in answered if each.result.row_count]
    return there or plan.explain_empty(plan.query.first_device, plan.query.time)
