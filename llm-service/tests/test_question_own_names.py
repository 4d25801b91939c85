"""Devices whose names look like no code are found in the list of devices, whatever is asked of them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from llm_service.domain.model.completion import fold
from llm_service.domain.model.event import FinishReason
from llm_service.domain.model.message import Message, Role, TextPart, text_message
from llm_service.domain.model.request import CompletionRequest, ToolDefinition
from llm_service.domain.offline.own_name import may_name_device
from llm_service.providers.fallback import FallbackProvider
from penstock_testkit.clock import ManualClock

NOW = datetime(2026, 11, 21, 15, 30, tzinfo=UTC)
CARD = {
    "device_code": "d-big",
    "device_type": "pump",
    "model_code": "pump",
    "fields": ["flow", "Durchfluss [l/min]"],
    "first_seen": "2026-11-20T00:00:00Z",
    "last_seen": "2026-11-21T15:29:00Z",
}
_FIELDS = ("device_code", "fields", "start_time", "end_time", "conditions", "durations", "limit", "newest_first")
TOOLS = tuple(
    ToolDefinition(name=tool, parameters=json.dumps({"type": "object", "properties": {name: {} for name in names}}))
    for tool, names in {
        "list_devices": ("model_code", "search"),
        "device_statistics": _FIELDS,
        "device_query": _FIELDS,
    }.items()
)


@pytest.mark.parametrize(
    "question",
    [
        "Any anomalies on d-big?",
        "How often was flow of d-big above 1000?",
        "Kompressor B: average of all fields per hour today",
        "Durchfluss of d-german at 14:30 on 2025-12-31",
        "When did Northpump stop?",
    ],
)
def test_a_question_about_data_with_an_unknown_word_may_name_a_device(question):
    assert may_name_device(question)


@pytest.mark.parametrize(
    "question", ["hello", "你好", "Explain GPT4 to me", "Which models can I use here?", "thanks", ""]
)
def test_small_talk_names_none(question):
    assert not may_name_device(question)


class Talk:
    """A question and what the tools answered; the device is d-big, beside `others`."""

    def __init__(self, provider: FallbackProvider, question: str, *others: dict[str, Any]) -> None:
        self._provider = provider
        self._cards = [CARD, *others]
        self._messages = [text_message(Role.USER, question)]

    async def step(self) -> tuple[str, dict[str, Any]]:
        """Return the tool that is called next, with its arguments; "" and the text when it answers."""
        request = CompletionRequest(messages=tuple(self._messages), tools=TOOLS)
        answer = await fold(self._provider.stream(request))
        if answer.finished.reason is FinishReason.STOP:
            return "", {"text": answer.first.text}
        (call,) = answer.first.tool_calls
        self._messages.append(Message(role=Role.ASSISTANT, tool_calls=answer.first.tool_calls))
        self._messages.append(
            Message(role=Role.TOOL, tool_call_id=call.id, parts=(TextPart(text=json.dumps({"devices": self._cards})),))
        )
        return call.name, json.loads(call.arguments)


@pytest.mark.parametrize("question", ["How often was flow of d-big above 1000?", "Durchfluss of d-big at 14:30 today"])
async def test_the_devices_are_listed_and_then_the_name_is_known(question: str, new_id: Callable[[str], str]) -> None:
    talk = Talk(FallbackProvider(clock=ManualClock(start=NOW), new_id=new_id), question)
    assert await talk.step() == ("list_devices", {})
    name, arguments = await talk.step()
    assert (bool(name), arguments["device_code"]) == (True, "d-big")


async def test_what_names_no_device_after_all_is_told_once_they_are_listed(new_id: Callable[[str], str]) -> None:
    talk = Talk(FallbackProvider(clock=ManualClock(start=NOW), new_id=new_id), "the average airspeed of a swallow")
    names = [(await talk.step())[0] for _ in range(2)]
    assert names[-1] == ""


@pytest.mark.parametrize("others", [(), ("mean", "on", "max")])
@pytest.mark.parametrize("question", ["mean flow of d-big on 2026-11-21", "max flow of d-big on 2026-11-21"])
async def test_an_everyday_word_is_no_field_because_another_device_has_one_of_that_name(
    question: str, others: tuple[str, ...], new_id: Callable[[str], str]
) -> None:
    other = {**CARD, "device_code": "kw", "fields": [*others, "v"]}
    talk = Talk(FallbackProvider(clock=ManualClock(start=NOW), new_id=new_id), question, other)
    assert (await talk.step())[0] == "list_devices"
    name, arguments = await talk.step()
    assert (name, arguments["device_code"], arguments.get("fields")) == ("device_statistics", "d-big", ["flow"])
