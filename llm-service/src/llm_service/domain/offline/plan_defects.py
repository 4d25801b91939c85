"""The bad labels beside anomalies: seams that were bad for a while, where single readings stand out."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.answer_states import shown_spell
from llm_service.domain.offline.lasting_stop import LASTING
from llm_service.domain.offline.plan_calls import CallPlanner
from llm_service.domain.offline.plan_state import PlanState, Step
from llm_service.domain.offline.query import Condition, Operator, Statistic
from llm_service.domain.offline.result import DeviceStatistics, Spell
from llm_service.domain.offline.result_json import all_statistics_from_json
from llm_service.domain.offline.toolbox import DeviceTool, PlannedCall
from llm_service.domain.offline.words_data import GOOD, LABEL_FIELD

# Labels of one answer, and stretches of one device, that are told.
_MOST_LABELS: Final = 6
_MOST: Final = 10
_NEEDED: Final = ("value_counts", "durations", "shortest_spell", "conditions")


def counting_values(plan: PlanState, calls: Sequence[PlannedCall]) -> list[PlannedCall]:
    """Return `calls` of statistics, which count the labels as well where what they come to can be told."""
    if not _able(plan):
        return list(calls)
    return [replace(call, arguments={**call.arguments, "value_counts": True}) for call in calls]


def tell_defects(plan: PlanState, results: Sequence[DeviceStatistics]) -> list[str] | Step:
    """Return for each device of `results` when its labels were bad for a minute or more; or the step to know it."""
    counted = (each.value_counts.get(LABEL_FIELD, {}) for each in results)
    bad = sorted({label for counts in counted for label in counts if label and label != GOOD})[:_MOST_LABELS]
    if not bad or not _able(plan):
        return []
    codes = tuple(dict.fromkeys(each.device for each in results if LABEL_FIELD in each.value_counts))
    stretches: dict[str, list[tuple[Spell, str]]] = {code: [] for code in codes}
    more = dict.fromkeys(codes, 0)
    planned = [(label, call) for label in bad for call in _calls(plan, codes, label)]
    gathered = plan.gathered(DeviceTool.STATISTICS, [call for _, call in planned])
    if not isinstance(gathered, list):
        return gathered
    for (label, _), one in zip(planned, gathered, strict=True):
        for result in all_statistics_from_json(one.outcome.data):
            if result.fitting is not None and result.device in stretches:
                stretches[result.device] += [(spell, label) for spell in result.fitting.listed]
                more[result.device] += max(result.fitting.spells - len(result.fitting.listed), 0)
    return [_told(plan, code, found, more[code]) for code, found in stretches.items() if found]


def _calls(plan: PlanState, codes: tuple[str, ...], label: str) -> list[PlannedCall]:
    """The calls that tell when the devices had this label."""
    condition = Condition(field=LABEL_FIELD, operator=Operator.EQ, value=label)
    asked = replace(plan.query, devices=codes, conditions=(condition,), statistics=(Statistic.DURATION,))
    asked = replace(asked, fields=(), percentiles=(), least=LASTING, over=False, any_condition=False)
    return CallPlanner(plan.talk, plan.tools, asked).statistics("fitting")


def _told(plan: PlanState, code: str, found: Sequence[tuple[Spell, str]], more: int) -> str:
    say = plan.report.say
    longest = sorted(found, key=lambda pair: -pair[0].seconds)[:_MOST]
    ordered = sorted(longest, key=lambda pair: pair[0].start)
    more += len(found) - len(ordered)
    lines = [say.defect(label, shown_spell(plan.report, spell)) for spell, label in ordered]
    return "\n".join([say.defects_head(code, LABEL_FIELD), *lines, *([say.and_more(more)] if more else [])])


def _able(plan: PlanState) -> bool:
    """Whether the tool can tell it, and nothing but what is wrong in one time is asked for."""
    query = plan.query
    plain = not query.fields and len(query.periods) < 2
    return plain and all(plan.tools.accepts(DeviceTool.STATISTICS, each) for each in _NEEDED)
