"""The steps to when, or for how long, one device was above or below another."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from llm_service.domain.offline import answer_versus
from llm_service.domain.offline.plan_calls import CallPlanner
from llm_service.domain.offline.plan_state import CallTools, PlanState, Step
from llm_service.domain.offline.query import Statistic, TimeRange
from llm_service.domain.offline.result import DeviceCard
from llm_service.domain.offline.result_json import series_from_json
from llm_service.domain.offline.toolbox import DeviceTool

# Widths of the intervals whose means are compared, and how many of them fit into an answer of the tool.
_WIDTHS: Final = (60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 86_400)
_MOST: Final = 240


def asks_versus(plan: PlanState) -> bool:
    """Whether two devices are set against each other in time, over one range and by one field."""
    query = plan.query
    return bool(query.versus) and len(query.devices) == 2 and len(query.fields) == 1 and len(query.periods) < 2


def answer_versus_of(plan: PlanState) -> Step:
    """Return the next step to when the first of two devices was above, or below, the second."""
    query = plan.query
    if not plan.talk.cards and plan.tools.has(DeviceTool.LIST):
        return CallTools(calls=(plan.tools.call(DeviceTool.LIST),))
    cards = [card for code in query.devices if (card := plan.talk.card(code))]
    time = _range(query.time, cards)
    width = _width(time, cards)
    asked = replace(query, time=time, interval=width, statistics=(Statistic.MEAN,))
    planner = CallPlanner(plan.talk, plan.tools, asked)
    found = plan.gathered(DeviceTool.QUERY, planner.series("intervals", query.devices))
    if not isinstance(found, list):
        return found
    plan.left_out += planner.left_out
    plan.heed("versus", {})
    first, second = (series_from_json(each.outcome.data) for each in found)
    return plan.say(answer_versus.versus(plan.report, asked, (first, second), found[0].time(time), width))


def _range(asked: TimeRange | None, cards: Sequence[DeviceCard]) -> TimeRange:
    """The range asked for, its open ends those of the data."""
    extents = [extent for card in cards if (extent := card.extent)]
    starts = [extent.start for extent in extents if extent.start]
    ends = [extent.end + timedelta(seconds=1) for extent in extents if extent.end]
    start = (asked.start if asked else None) or (max(starts) if starts else None)
    end = (asked.end if asked else None) or (min(ends) if ends else None)
    return TimeRange(start=start, end=end)


def _width(time: TimeRange, cards: Sequence[DeviceCard]) -> timedelta:
    """The narrowest width of which not too many fit between the begin and the end of the data there is."""
    ends = [moment for moment in (time.end, *(card.last_seen for card in cards)) if moment]
    seconds = (min(ends) - time.start).total_seconds() / _MOST if time.start and ends else 3600.0
    return timedelta(seconds=next((width for width in _WIDTHS if width >= seconds), _WIDTHS[-1]))
