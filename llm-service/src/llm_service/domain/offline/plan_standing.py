"""The steps to since when machines run, or stand, and to how long those that pause do."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.answer_standing import Standing, standing
from llm_service.domain.offline.field import match_field
from llm_service.domain.offline.json_value import number_or_none
from llm_service.domain.offline.lasting_stop import LASTING, is_brief, says
from llm_service.domain.offline.plan_calls import CallPlanner
from llm_service.domain.offline.plan_state import MOST_SERIES, CallTools, PlanState, Step
from llm_service.domain.offline.query import Condition, StructuredQuery, TimeRange
from llm_service.domain.offline.result import Series
from llm_service.domain.offline.result_json import series_from_json, statistics_from_json
from llm_service.domain.offline.toolbox import DeviceTool
from llm_service.domain.offline.words_state import IDLE, RUNNING

_STOPPED: Final = Condition(field=IDLE.field, operator=IDLE.operator, value=IDLE.value)
# A pause is looked for in the time before the last reading; what fills it is a stop.
_BEFORE: Final = 2 * LASTING


def asks_standing(plan: PlanState) -> bool:
    """Whether it is asked since when machines run or stand, and the tools can tell the stops that last."""
    query, tools = plan.query, plan.tools
    able = all(tools.accepts(DeviceTool.STATISTICS, each) for each in ("durations", "shortest_spell", "conditions"))
    if not query.standing or not able or not tools.accepts(DeviceTool.QUERY, "newest_first"):
        return False
    if len(query.devices) > MOST_SERIES:
        return False
    cards = [plan.talk.card(code) for code in query.devices]
    return not any(cards) or all(card and match_field(IDLE.field, card.fields) for card in cards)


def answer_standing_of(plan: PlanState) -> Step:
    """Return the next step to since when each machine runs, or stands."""
    if not plan.talk.cards and plan.tools.has(DeviceTool.LIST):
        return CallTools(calls=(plan.tools.call(DeviceTool.LIST),))
    asked = replace(plan.query, fields=(IDLE.field,), conditions=(), statistics=(), time=None)
    newest = plan.gathered(DeviceTool.QUERY, CallPlanner(plan.talk, plan.tools, asked).last(asked.devices))
    if not isinstance(newest, list):
        return newest
    stops = replace(asked, fields=(), conditions=(_STOPPED,), since=True, least=LASTING, over=False)
    calls = [
        call
        for code in asked.devices
        for call in CallPlanner(plan.talk, plan.tools, replace(stops, devices=(code,))).statistics("fitting")
    ]
    found = plan.gathered(DeviceTool.STATISTICS, calls)
    if not isinstance(found, list):
        return found
    plan.heed("fitting", {})
    told = [
        Standing(series=series_from_json(last.outcome.data), stops=statistics_from_json(each.outcome.data), card=card)
        for code, last, each in zip(asked.devices, newest, found, strict=True)
        for card in (plan.talk.card(code),)
    ]
    return plan.say(standing(plan.report, plan.query, told))


def pauses(plan: PlanState, read: Sequence[Series]) -> dict[str, float] | Step:
    """Return for how many seconds machines that stand by their last reading do, of those in a pause that is no stop.

    It is asked where running is: in the words of the arc or the weld a pause is none. Or return the step to know it.
    """
    query = plan.query
    state = says(query, RUNNING) or says(query, IDLE)
    if not state or query.time or is_brief(query) or not plan.tools.accepts(DeviceTool.STATISTICS, "durations"):
        return {}
    idle = [each for each in read if each.rows and _is_idle(each)]
    calls = [
        call
        for each in idle
        for call in CallPlanner(plan.talk, plan.tools, _last_stop(query, each)).statistics("fitting")
    ]
    found = plan.gathered(DeviceTool.STATISTICS, calls) if calls else []
    if not isinstance(found, list):
        return found
    results = [statistics_from_json(each.outcome.data).fitting for each in found]
    lengths = {
        each.device: fitting.last.seconds
        for each, fitting in zip(idle, results, strict=True)
        if fitting and fitting.last and fitting.ongoing
    }
    return {code: seconds for code, seconds in lengths.items() if seconds < LASTING.total_seconds()}


def _last_stop(query: StructuredQuery, series: Series) -> StructuredQuery:
    """What asks for the pause, or the stop, in which the last reading lies."""
    time = TimeRange(start=series.times[-1] - _BEFORE)
    stopped = replace(_STOPPED, unit=series.units.get(IDLE.field, ""))
    asked = replace(query, devices=(series.device,), conditions=(stopped,), fields=(), statistics=(), time=time)
    return replace(asked, since=True, holds=False, whether=False, periods=(), rank=False, least=None)


def _is_idle(series: Series) -> bool:
    """Whether the last reading is that of a machine at rest."""
    names = match_field(IDLE.field, series.columns)
    at = series.columns.index(names[0]) if names else -1
    value = next((number_or_none(row[at]) for row in reversed(series.rows) if row[at] is not None), None)
    return bool(names) and value is not None and value < IDLE.value
