"""Conditions are put to each device in its own spelling of a field, and any choice of the tools gets an answer."""

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from llm_service.domain.model.request import ToolDefinition
from llm_service.providers.fallback import FallbackProvider
from penstock_testkit.clock import ManualClock

NOW = datetime(2026, 11, 21, 14, 30, tzinfo=UTC)
_PROPERTIES = {
    "list_devices": ["search"],
    "device_statistics": [
        *("device_code", "other_device_codes", "fields", "start_time", "end_time", "conditions"),
        *("durations", "shortest_spell", "extreme_times"),
    ],
    "device_query": ["device_code", "fields", "start_time", "end_time", "conditions", "interval", "aggregate"],
}
TOOLS = tuple(
    ToolDefinition(name=name, parameters=json.dumps({"type": "object", "properties": {key: {} for key in keys}}))
    for name, keys in _PROPERTIES.items()
)
CARDS = [
    {"device_code": "M1", "fields": ["current"], "units": {"current": "A"}},
    {"device_code": "M2", "fields": ["Current"], "units": {"Current": "mA"}},
    {"device_code": "M3", "fields": ["current"], "units": {"current": "mA"}},
]


async def asked(question: str, tool_talk: Callable[..., Any], new_id: Callable[[str], str]) -> dict[str, Any]:
    """Return the conditions of the calls by device."""
    found: dict[str, Any] = {}

    def answer(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if name == "list_devices":
            return {"devices": CARDS}
        for code in (arguments["device_code"], *arguments.get("other_device_codes", [])):
            (found[code],) = arguments["conditions"]
        return {"device_code": arguments["device_code"], "row_count": 0, "statistics": []}

    await tool_talk(FallbackProvider(clock=ManualClock(start=NOW), new_id=new_id), TOOLS, answer).ask(question)
    return {code: (each["field"], each["value"]) for code, each in found.items()}


@pytest.mark.parametrize(
    "question",
    ["which machine was above 2 A current most often today?", "mean current per hour of all machines above 2 A today"],
)
async def test_each_device_is_asked_for_its_own_field_in_its_own_unit(
    question: str, tool_talk: Callable[..., Any], new_id: Callable[[str], str]
) -> None:
    found = await asked(question, tool_talk, new_id)
    assert found == {"M1": ("current", 2), "M2": ("Current", 2000), "M3": ("current", 2000)}


def some_of(tools: tuple[ToolDefinition, ...]) -> list[tuple[ToolDefinition, ...]]:
    return [chosen for count in range(len(tools) + 1) for chosen in itertools.combinations(tools, count)]


@pytest.mark.parametrize("tools", some_of(TOOLS), ids=lambda tools: "+".join(tool.name for tool in tools) or "none")
@pytest.mark.parametrize(
    "question",
    [
        *("mean current per hour of M1 today", "current of M1 at 10:00", "trend of current of M1 today"),
        *("features of M1", "current of M1 now", "which machine was above 2 A most often today?", "is M1 running?"),
        *("show the last 5 rows of M1", "M1 的电流趋势", "was M1 higher at 3 than at 4", "current of all machines"),
    ],
)
async def test_with_any_choice_of_the_tools_something_is_said(
    tools: tuple[ToolDefinition, ...], question: str, tool_talk: Callable[..., Any], new_id: Callable[[str], str]
) -> None:
    def answer(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        known = {"device_code": arguments.get("device_code"), "row_count": 0, "statistics": [], "rows": []}
        return {"devices": CARDS} if name == "list_devices" else known

    assert await tool_talk(FallbackProvider(clock=ManualClock(start=NOW), new_id=new_id), tools, answer).ask(question)
