"""What share of the readings that have a label have the one asked for: a machine at rest makes no seam."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.answer_writer import Answered
from llm_service.domain.offline.number_text import percent
from llm_service.domain.offline.plan_calls import CallPlanner
from llm_service.domain.offline.plan_state import PlanState, Step
from llm_service.domain.offline.query import Condition, Note, Operator, Remark, Statistic, StructuredQuery
from llm_service.domain.offline.result_json import all_statistics_from_json
from llm_service.domain.offline.toolbox import DeviceTool
from llm_service.domain.offline.words_state import RUNNING

_KINDS: Final = frozenset({"fitting", "rank"})
# Names of devices, or ranges, without any label that are told.
_MOST: Final = 4


def among_labelled(plan: PlanState, answered: Sequence[Answered], kind: str) -> list[Answered] | Step:
    """Return `answered` with the readings that have a label as the whole, where a share of a label is asked for.

    Those without any label are left out and named. Or return the step to know it.
    """
    field = _label_of(plan.query) if kind in _KINDS and answered else ""
    if not field or not plan.tools.accepts(DeviceTool.STATISTICS, "value_counts"):
        return [*answered]
    asked = replace(plan.query, conditions=(), any_condition=False, fields=(field,), statistics=(), percentiles=())
    planner = CallPlanner(plan.talk, plan.tools, asked)
    gathered = plan.gathered(DeviceTool.STATISTICS, planner.statistics("plain"))
    if not isinstance(gathered, list):
        return gathered
    labelled = {
        (result.device or each.outcome.device, each.time(time)): _labelled(result.value_counts.get(field, {}))
        for each, time in zip(gathered, planner.times, strict=True)
        for result in all_statistics_from_json(each.outcome.data)
    }
    if any((each.result.device, each.time) not in labelled for each in answered):
        return [*answered]
    whole = [(each, labelled[each.result.device, each.time]) for each in answered]
    without = [each for each, count in whole if not count]
    if without:
        plan.notes.append(Note(remark=Remark.UNLABELLED, words=(_names(plan, without), field)))
    if len(without) < len(whole):
        plan.notes.append(Note(remark=Remark.LABELLED, words=(field,)))
    told = [(each, replace(each.result, rows_in_range=count)) for each, count in whole if count]
    return [replace(each, result=result) for each, result in told] or plan.say("")


def _label_of(query: StructuredQuery) -> str:
    """The one text field whose values a share is asked of, "" where there is none."""
    fields = {condition.field for condition in query.conditions}
    texts = all(isinstance(condition.value, str) and condition.value for condition in query.conditions)
    return next(iter(fields)) if Statistic.SHARE in query.statistics and len(fields) == 1 and texts else ""


def _labelled(counts: Mapping[str, int]) -> int:
    return sum(count for value, count in counts.items() if value)


def _names(plan: PlanState, without: Sequence[Answered]) -> str:
    several = len(plan.query.periods) > 1
    names = [f"{e.result.device} {plan.report.say.period(e.time)}" if several else e.result.device for e in without]
    more = len(names) - _MOST
    return ", ".join([*names[:_MOST], *([f"… (+{more})"] if more > 0 else [])])


def tell_within(plan: PlanState, answered: Sequence[Answered]) -> str | Step:
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
