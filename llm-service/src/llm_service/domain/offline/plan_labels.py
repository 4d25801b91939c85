"""The steps to which of several labels there was more of, on each device in each range."""

from collections.abc import Sequence
from dataclasses import replace

from llm_service.domain.offline.answer_labels import LabelCount, counts_told
from llm_service.domain.offline.plan_calls import CallPlanner
from llm_service.domain.offline.plan_state import PlanState, Step
from llm_service.domain.offline.query import TimeRange
from llm_service.domain.offline.result_json import all_statistics_from_json
from llm_service.domain.offline.toolbox import DeviceTool


def answer_labels_of(plan: PlanState) -> Step:
    """Return the next step to the numbers of readings and stretches of each label, and which label has the most."""
    counts: dict[tuple[str, TimeRange | None], list[LabelCount]] = {}
    for condition in plan.query.conditions:
        asked = replace(plan.query, conditions=(condition,), any_condition=False)
        planner = CallPlanner(plan.talk, plan.tools, asked)
        gathered = plan.gathered(DeviceTool.STATISTICS, planner.statistics("fitting"))
        if not isinstance(gathered, list):
            return gathered
        plan.left_out += planner.left_out
        for each, time in zip(gathered, planner.times, strict=True):
            for result in all_statistics_from_json(each.outcome.data):
                code = result.device or each.outcome.device
                spells = result.fitting.spells if result.fitting else None
                count = LabelCount(label=str(condition.value), readings=result.row_count, spells=spells)
                there = bool(result.rows_in_range)
                counts.setdefault((code, each.time(time)), []).extend([count] if there else [])
    empty = [pair for pair, found in counts.items() if not found]
    told = [_told(plan, code, time, found) for (code, time), found in counts.items() if found]
    return plan.say("\n".join([*told, *([plan.nothing(empty)] if empty else [])]))


def _told(plan: PlanState, code: str, time: TimeRange | None, counts: Sequence[LabelCount]) -> str:
    say, lowest = plan.report.say, plan.query.prevalent == "least"
    return counts_told(say, code, say.period(time), counts, lowest=lowest)
