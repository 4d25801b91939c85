"""The steps to power and energy of machines that measure voltage and current alone."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.answer_power import power, power_now
from llm_service.domain.offline.field import match_field
from llm_service.domain.offline.plan_calls import CallPlanner
from llm_service.domain.offline.plan_state import MOST_SERIES, CallTools, PlanState, Step
from llm_service.domain.offline.query import Condition, Statistic
from llm_service.domain.offline.read_statistics import read_statistics
from llm_service.domain.offline.result_json import series_from_json
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
    now = query.statistics == (Statistic.LAST,) and plan.tools.accepts(DeviceTool.QUERY, "newest_first")
    if now and (query.rank or query.time):
        return False
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
    return able and not own and mean and (now or set(query.statistics) <= _PLAIN)


def answer_power_of(plan: PlanState) -> Step:
    """Return the next step to the mean power, or to the energy, of each device and range."""
    if not plan.talk.cards and plan.tools.has(DeviceTool.LIST):
        return CallTools(calls=(plan.tools.call(DeviceTool.LIST),))
    if plan.query.statistics == (Statistic.LAST,):
        return _power_now(plan)
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


def _power_now(plan: PlanState) -> Step:
    """The next step to the power by the newest readings of voltage and current."""
    plan.left_out += ["devices"] if len(plan.query.devices) > MOST_SERIES else []
    codes = plan.query.devices[:MOST_SERIES]
    asked = replace(plan.query, devices=codes, fields=FACTORS, unit="")
    found = plan.gathered(DeviceTool.QUERY, CallPlanner(plan.talk, plan.tools, asked).last(codes))
    if not isinstance(found, list):
        return found
    plan.heed("power", {})
    series = [series_from_json(each.outcome.data) for each in found]
    lines = [power_now(plan.report, plan.query, each, code) for each, code in zip(series, codes, strict=False)]
    return plan.say("\n".join(lines))


def _groups(plan: PlanState) -> dict[str, tuple[str, ...]]:
    """The devices of each group that is named, of several."""
    labels = [reference.label for reference in plan.query.references if reference.label]
    cards = [card for code in plan.query.devices if (card := plan.talk.card(code))]
    groups = {
        label: tuple(card.code for card in cards if label.lower() in map(str.lower, card.labels.values()))
        for label in labels
    }
    return groups if len(groups) > 1 and all(groups.values()) and len(plan.query.periods) < 2 else {}
