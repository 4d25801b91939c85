"""The steps to a moment that the same message asks for, of which its next question is: "…, and was B welding then?"."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from llm_service.domain.offline.answer_fields import fields_of
from llm_service.domain.offline.plan_calls import CallPlanner
from llm_service.domain.offline.plan_state import PlanState, Step
from llm_service.domain.offline.plan_subject import settle_subject
from llm_service.domain.offline.query import Note, Remark, Statistic, StructuredQuery, TimeRange
from llm_service.domain.offline.result import DeviceStatistics
from llm_service.domain.offline.result_json import all_statistics_from_json
from llm_service.domain.offline.toolbox import DeviceTool

_MOMENT: Final = timedelta(seconds=1)


def settle_then(plan: PlanState) -> Step | None:
    """Return the next step until the moment is known; None when it is, and put in its place as the question's time."""
    if plan.query.then is None:
        return None
    before = PlanState(plan.talk, plan.tools, plan.report, plan.query.then)
    if (step := settle_subject(before)) is not None:
        return step
    calls = CallPlanner(plan.talk, plan.tools, before.query).statistics("when")
    gathered = before.gathered(DeviceTool.STATISTICS, calls)
    if not isinstance(gathered, list):
        return gathered
    plan.used += before.used
    results = [result for each in gathered for result in all_statistics_from_json(each.outcome.data)]
    moment = next(filter(None, (_moment(before.query, result) for result in results)), None)
    if moment is None:
        plan.query = replace(plan.query, then=None)
        plan.left_out.append("when")
        return None
    plan.notes.append(Note(remark=Remark.READ_AS, words=(plan.query.owner, plan.report.say.times.stamp(moment))))
    time = TimeRange(start=moment, end=moment + _MOMENT, instant=True)
    plan.query = replace(plan.query, then=None, time=time, periods=(), holds=True, whether=True, statistics=())
    return None


def _moment(query: StructuredQuery, result: DeviceStatistics) -> datetime | None:
    """When the one field asked about was at its end."""
    names = fields_of(query, [one.field for one in result.fields])
    one = result.of(names[0]) if names else None
    if one is None:
        return None
    return one.min_time if Statistic.MIN in query.statistics else one.max_time
