"""The steps to power and energy of machines that measure voltage and current alone."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.answer_power import power
from llm_service.domain.offline.field import match_field
from llm_service.domain.offline.plan_state import CallTools, PlanState, Step
from llm_service.domain.offline.query import Condition, Statistic
from llm_service.domain.offline.read_statistics import read_statistics
from llm_service.domain.offline.toolbox import DeviceTool
from llm_service.domain.offline.words_state import RUNNING

POWER: Final = "power"
ENERGY: Final = "energy"
FACTORS: Final = ("voltage", "current")
_PLAIN: Final = frozenset({Statistic.MEAN, Statistic.INTEGRAL, Statistic.SUM, Statistic.MAX, Statistic.MIN})


def asks_power(plan: PlanState, *, cut: bool = False) -> bool:
    """Whether power or energy is asked for, no device tells it, and each tells voltage and current.

    Of rows per interval it is only when these can be `cut` into ranges.
    """
    query = plan.query
    if len(query.fields) != 1 or query.fields[0] not in {POWER, ENERGY} or query.limit or query.when:
        return False
    if query.interval and not cut:
        return False
    if not plan.tools.accepts(DeviceTool.STATISTICS, "correlations") or query.percentiles or query.any_condition:
        return False
    if not plan.talk.cards and plan.tools.has(DeviceTool.LIST):
        # Which fields they have is asked first.
        return True
    cards = [plan.talk.card(code) for code in query.devices]
    able = all(card and all(match_field(each, card.fields) for each in FACTORS) for card in cards)
    own = any(card and match_field(query.fields[0], card.fields) for card in cards)
    mean = query.rank or not {Statistic.MAX, Statistic.MIN} & set(query.statistics)
    return able and not own and mean and set(query.statistics) <= _PLAIN


def answer_power_of(plan: PlanState) -> Step:
    """Return the next step to the mean power, or to the energy, of each device and range."""
    if not plan.talk.cards and plan.tools.has(DeviceTool.LIST):
        return CallTools(calls=(plan.tools.call(DeviceTool.LIST),))
    energy = plan.query.fields == (ENERGY,) or bool({Statistic.INTEGRAL, Statistic.SUM} & set(plan.query.statistics))
    if energy and not plan.query.conditions:
        running = Condition(field=RUNNING.field, operator=RUNNING.operator, value=RUNNING.value, unit="A")
        plan.query = replace(plan.query, conditions=(running,))
    statistics = (Statistic.DURATION,) if energy else ()
    asked = replace(plan.query, fields=(), statistics=(*statistics, Statistic.CORRELATION), unit="")
    there = read_statistics(plan, asked, "power")
    if not isinstance(there, list):
        return there
    plan.heed("power", {})
    groups = _groups(plan) if energy else {}
    if groups:
        plan.left_out = [part for part in plan.left_out if part != "groups"]
    return plan.say(power(plan.report, plan.query, there, groups=groups, energy=energy))


def _groups(plan: PlanState) -> dict[str, tuple[str, ...]]:
    """The devices of each group that is named, of several."""
    labels = [reference.label for reference in plan.query.references if reference.label]
    cards = [card for code in plan.query.devices if (card := plan.talk.card(code))]
    groups = {
        label: tuple(card.code for card in cards if label.lower() in map(str.lower, card.labels.values()))
        for label in labels
    }
    return groups if len(groups) > 1 and all(groups.values()) and len(plan.query.periods) < 2 else {}
