"""The steps to which devices have readings in a time, and which have none."""

from dataclasses import replace

from llm_service.domain.offline.answer_fields import limited
from llm_service.domain.offline.plan_calls import CallPlanner
from llm_service.domain.offline.plan_state import PlanState, Step
from llm_service.domain.offline.query import Statistic
from llm_service.domain.offline.result_json import all_statistics_from_json
from llm_service.domain.offline.toolbox import DeviceTool


def answer_presence_of(plan: PlanState) -> Step:
    """Return the next step to how many readings each device has in the time asked for."""
    query, report = plan.query, plan.report
    asked = replace(query, statistics=(Statistic.COUNT,))
    gathered = plan.gathered(DeviceTool.STATISTICS, CallPlanner(plan.talk, plan.tools, asked).statistics("presence"))
    if not isinstance(gathered, list):
        return gathered
    counts = dict.fromkeys(query.devices, 0)
    for each in gathered:
        for result in all_statistics_from_json(each.outcome.data):
            counts[result.device or each.outcome.device] = result.row_count
    there = [(code, count) for code, count in counts.items() if count]
    missing = [code for code, count in counts.items() if not count]
    period = report.say.period(gathered[0].time(query.time))
    head = report.say.presence(period, len(there), missing)
    if query.whether:
        head = report.say.answered(head, holds=bool(missing) if query.presence == "missing" else not missing)
    lines = limited(report.say, [report.say.has_readings(code, count) for code, count in there])
    return plan.say("\n".join([head, *lines]))
