"""The steps to where a value lies among the readings of a field."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.answer_judged import SHARES, judged
from llm_service.domain.offline.field import match_field
from llm_service.domain.offline.plan_state import CallTools, PlanState, Step
from llm_service.domain.offline.query import Condition, Judged
from llm_service.domain.offline.read_statistics import read_statistics
from llm_service.domain.offline.toolbox import DeviceTool
from llm_service.domain.offline.words_state import RUNNING

# Of a machine at rest these are nothing, which says nothing of what is usual while it works.
_OF_THE_ARC: Final = frozenset({"current", "voltage", "wire_feed", "gas_flow", "power"})


def answer_judged_of(plan: PlanState, value: Judged) -> Step:
    """Return the next step to whether a value is as usual."""
    if not plan.talk.cards and plan.tools.has(DeviceTool.LIST):
        return CallTools(calls=(plan.tools.call(DeviceTool.LIST),))
    plan.query = replace(plan.query, conditions=plan.query.conditions or _working(plan, value))
    asked = replace(plan.query, percentiles=SHARES, statistics=())
    there = read_statistics(plan, asked, "judged")
    if not isinstance(there, list):
        return there
    plan.heed("judged", {one.field: one.unit for each in there for one in each.result.fields})
    return plan.say("\n\n".join(judged(plan.report, plan.query, value, each) for each in there))


def _working(plan: PlanState, value: Judged) -> tuple[Condition, ...]:
    """The condition that the machines work, where the value is of the arc and all of them tell it."""
    cards = [plan.talk.card(code) for code in plan.query.devices]
    told = all(card and match_field(RUNNING.field, card.fields) for card in cards)
    if value.field not in _OF_THE_ARC or not told or (value.value is not None and value.value < RUNNING.value):
        return ()
    unit = next((card.units.get(RUNNING.field, "") for card in cards if card), "")
    return (Condition(field=RUNNING.field, operator=RUNNING.operator, value=RUNNING.value, unit=unit),)
