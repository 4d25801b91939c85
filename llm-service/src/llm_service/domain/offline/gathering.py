"""Calls of device tools for a question, and what they came to: each call is made once a turn."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from llm_service.domain.offline.conversation import Conversation, ToolOutcome
from llm_service.domain.offline.json_value import time_or_none
from llm_service.domain.offline.query import StructuredQuery, TimeRange
from llm_service.domain.offline.toolbox import DeviceTool, PlannedCall, Toolbox

# Arguments that don't tell calls apart: now moves on between two rounds, and fields become known.
_LOOSE = frozenset({"start_time", "end_time", "start", "end", "from", "to", "since", "until", "fields", "columns"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What a planned call came to."""

    call: PlannedCall
    outcome: ToolOutcome

    def time(self, asked: TimeRange | None) -> TimeRange | None:
        """Return the range that was really read, in the zone of `asked`."""
        if asked is None:
            return None
        start, end = (time_or_none(self.outcome.arguments.get(name)) for name in ("start_time", "end_time"))
        zones = [moment.tzinfo for moment in (asked.start, asked.end) if moment]
        shown = (moment.astimezone(zones[0]) if moment and zones else None for moment in (start, end))
        begin, until = shown
        return TimeRange(start=begin, end=until) if begin or until else asked


def gather(talk: Conversation, calls: Sequence[PlannedCall]) -> list[Gathered] | None:
    """Return the outcomes of `calls`, None while some of them are still to be made."""
    left = list(talk.outcomes)
    found: list[Gathered] = []
    for call in calls:
        outcome = next((each for each in left if _same(call, each)), None)
        if outcome is None:
            return None
        left.remove(outcome)
        found.append(Gathered(call=call, outcome=outcome))
    return found


def _same(call: PlannedCall, outcome: ToolOutcome) -> bool:
    return call.tool is outcome.tool and _strict(call.arguments) == _strict(outcome.arguments)


def _strict(arguments: dict[str, object]) -> str:
    kept = {name: value for name, value in arguments.items() if name not in _LOOSE}
    return json.dumps(kept, sort_keys=True)


def condition_arguments(query: StructuredQuery) -> dict[str, object]:
    """Return the conditions of `query` as arguments of the device tools: all have to hold, or one is enough."""
    listed = [
        {"field": condition.field, "operator": condition.operator.value, "value": condition.value}
        for condition in query.conditions
    ]
    return {"any_of" if query.any_condition else "conditions": listed or None}


def dropped(tools: Toolbox, tool: DeviceTool, wanted: dict[str, object]) -> tuple[str, ...]:
    """Return those of the `wanted` arguments that the schema of `tool` does not know."""
    given = {name for name, value in wanted.items() if value not in (None, (), [], False)}
    return tuple(name for name in sorted(given) if tools.limits(tool) and not tools.accepts(tool, name))
