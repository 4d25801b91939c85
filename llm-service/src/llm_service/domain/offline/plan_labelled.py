"""The step to what share of the readings that have a label have the one asked for: a machine at rest makes no seam."""

from collections.abc import Sequence
from dataclasses import replace

from llm_service.domain.offline.answer_writer import Answered
from llm_service.domain.offline.number_text import percent
from llm_service.domain.offline.plan_calls import CallPlanner
from llm_service.domain.offline.plan_state import CallTools, PlanState, Say
from llm_service.domain.offline.query import Statistic
from llm_service.domain.offline.result_json import all_statistics_from_json
from llm_service.domain.offline.toolbox import DeviceTool


def tell_labelled(plan: PlanState, answered: Sequence[Answered]) -> str | CallTools | Say:
    """Return the share of each device's labelled readings, "" where no share of a label is asked for; or the step."""
    query = plan.query
    fields = {condition.field for condition in query.conditions}
    texts = all(isinstance(condition.value, str) and condition.value for condition in query.conditions)
    able = plan.tools.accepts(DeviceTool.STATISTICS, "value_counts")
    if Statistic.SHARE not in query.statistics or len(fields) != 1 or not texts or not able:
        return ""
    field = next(iter(fields))
    asked = replace(query, conditions=(), any_condition=False, fields=(field,), statistics=(), percentiles=())
    gathered = plan.gathered(DeviceTool.STATISTICS, CallPlanner(plan.talk, plan.tools, asked).statistics("plain"))
    if not isinstance(gathered, list):
        return gathered
    results = [result for each in gathered for result in all_statistics_from_json(each.outcome.data)]
    if len(results) != len(answered):
        return ""
    shares: list[tuple[float, str]] = []
    for each, result in zip(answered, results, strict=True):
        labelled = sum(count for value, count in result.value_counts.get(field, {}).items() if value)
        if not labelled:
            return ""
        share = each.result.row_count / labelled
        named = each.result.device if len(answered) > 1 else ""
        named = plan.report.say.period(each.time) if len(query.periods) > 1 else named
        shares.append((share, f"{named} {percent(share)} % ({each.result.row_count}/{labelled})".strip()))
    if query.rank:
        shares.sort(key=lambda pair: pair[0], reverse=Statistic.MIN not in query.statistics)
    return plan.report.say.of_labelled(field, [text for _, text in shares])
