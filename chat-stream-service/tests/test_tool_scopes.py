"""An assistant reaches no further than whoever asks it: the scopes of device tools."""

import json
from typing import Any

import pytest
from penstock.chat.v1 import chat_pb2 as pb
from penstock.feature.v1 import feature_pb2

from penstock_kit.context import Caller

ARGUMENTS: dict[str, dict[str, Any]] = {
    "list_devices": {},
    "device_statistics": {"device_code": "WLD001"},
    "device_query": {"device_code": "WLD001"},
    "device_features": {"device_code": "WLD001"},
    "device_anomalies": {"device_code": "WLD001"},
    "prepare_alarm": {"watch": "above", "device_codes": ["WLD001"], "field": "current", "limit": 250},
}
NEEDED = {name: "telemetry:write" if name == "prepare_alarm" else "telemetry:read" for name in ARGUMENTS}


@pytest.fixture(autouse=True)
def devices(chat: Any) -> None:
    chat.feature.devices = [feature_pb2.Device(device_code="WLD001", model_code="weld", fields=["current"])]


async def called(chat: Any, name: str, *scopes: str) -> Any:
    """Have a model call a tool for somebody with these scopes; return the result."""
    chat.llm.rounds = [chat.calls((name, json.dumps(ARGUMENTS[name]))), chat.says("Well.")]
    async with chat.as_caller(Caller(user_id="bob", tenant_id="acme", scopes=frozenset(scopes))):
        events = await chat.answer(await chat.conversation())
    return events[1].tool_result


async def test_every_tool_of_ours_is_in_this_table(chat: Any) -> None:
    assert {tool.name for tool in (await chat.tools.ListTools(pb.ListToolsRequest())).tools} == set(ARGUMENTS)


@pytest.mark.parametrize("name", ARGUMENTS)
async def test_a_tool_tells_nothing_to_who_lacks_its_scope(chat: Any, name: str) -> None:
    others = {"chat", "models", "costs", "telemetry:read", "telemetry:write"} - {NEEDED[name]}
    result = await called(chat, name, *others)
    assert result.is_error
    assert f"this needs the scope '{NEEDED[name]}'" in result.content


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize("held", ["its own", "admin", "operator"])
async def test_a_tool_answers_who_has_its_scope_or_every_scope(chat: Any, name: str, held: str) -> None:
    result = await called(chat, name, "chat", NEEDED[name] if held == "its own" else held)
    assert "scope" not in result.content
