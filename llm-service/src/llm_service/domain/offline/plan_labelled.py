"""The step to what share of the readings that have a label have the one asked for: a machine at rest makes no seam."""

from collections.abc import Sequence
from dataclasses import replace

from llm_service.domain.offline.answer_writer import Answered
from llm_service.domain.offline.number_text import percent
from llm_service.domain.offline.plan_calls import CallPlanner
from llm_service.domain.offline.plan_state import CallTools, PlanState, Say
from llm_service.domain.offline.query import Condition, Operator, Statistic, StructuredQuery
from llm_service.domain.offline.result_json import all_statistics_from_json
from llm_service.domain.offline.toolbox import DeviceTool
from llm_service.domain.offline.words_state import RUNNING


def tell_shares(plan: PlanState, answered: Sequence[Answered], kind: str) -> str | CallTools | Say:
    """Return the shares of what has a label and of what a state is, "" where none is asked for; or the step."""
    labelled = tell_labelled(plan, answered) if kind in {"fitting", "rank"} else ""
    within = tell_within(plan, answered) if kind == "fitting" and isinstance(labelled, str) else ""
    if not isinstance(labelled, str) or not isinstance(within, str):
        return labelled if not isinstance(labelled, str) else within
    return "\n\n".join(filter(None, [labelled, within]))


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
        ranged = plan.report.say.period(each.time) if len(query.periods) > 1 else ""
        named = f"{each.result.device if len(query.devices) > 1 else ''} {ranged}".strip() or named
        shares.append((share, f"{named} {percent(share)} % ({each.result.row_count}/{labelled})".strip()))
    if query.rank:
        shares.sort(key=lambda pair: pair[0], reverse=Statistic.MIN not in query.statistics)
    return plan.report.say.of_labelled(field, [text for _, text in shares])


def tell_within(plan: PlanState, answered: Sequence[Answered]) -> str | CallTools | Say:
    """Return the share among the readings of a state, "" where no share of another condition is asked for; or the step.

    "What share was below 8 while welding" may be meant of the readings while welding.
    """
    query = plan.query
    state = _state_of(query)
    if state is None or Statistic.SHARE not in query.statistics or len(query.periods) > 1:
        return ""
    asked = replace(query, conditions=(state,), statistics=(Statistic.COUNT,), fields=(), percentiles=())
    gathered = plan.gathered(DeviceTool.STATISTICS, CallPlanner(plan.talk, plan.tools, asked).statistics("fitting"))
    if not isinstance(gathered, list):
        return gathered
    counts = {
        result.device: result.row_count
        for each in gathered
        for result in all_statistics_from_json(each.outcome.data)
        if result.row_count
    }
    there = [(each.result.device, each.result.row_count) for each in answered if each.result.device in counts]
    shares = [
        f"{code if len(there) > 1 else ''} {percent(count / counts[code])} % ({count}/{counts[code]})".strip()
        for code, count in there
    ]
    return plan.report.say.of_fitting(plan.report.say.where((state,)), shares) if shares else ""


def _state_of(query: StructuredQuery) -> Condition | None:
    """The condition that a state is, beside others that all have to hold."""
    states = [
        each
        for each in query.conditions
        if each.field == RUNNING.field and each.value == RUNNING.value and each.operator in {Operator.GE, Operator.LT}
    ]
    return states[0] if len(states) == 1 < len(query.conditions) and not query.any_condition else None
