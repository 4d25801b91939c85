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
from llm_service.domain.offline.own_name import may_name_device, named_like, spoken_names
from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.resolve import resolve_devices
from llm_service.domain.offline.result import DeviceCard
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


PRESSES = (
    DeviceCard(code="3", name="Big compressor", labels={"hall": "1"}),
    DeviceCard(code="WLD003", name="Welding machine 3", labels={"hall": "1"}),
    DeviceCard(code="prs-1", name="Hydraulic press", labels={"hall": "1"}),
    DeviceCard(code="prs-2", name="Eccentric press", labels={"hall": "2"}),
    DeviceCard(code="cyj", name="二号冲压机", labels={"hall": "2"}),
)


def meant(text: str) -> tuple[str, ...]:
    names = spoken_names(PRESSES)
    query = parse_prompt(text, NOW, known_devices=[card.code for card in PRESSES], device_names=names)
    return resolve_devices(query, PRESSES).codes


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("mean pressure of the compressor today", "3"),
        ("how is the hydraulic press?", "prs-1"),
        ("mean pressure of the hydraulic press in hall 1 today", "prs-1"),
        ("冲压机今天的平均压力", "cyj"),
        ("二号冲压机今天的平均压力", "cyj"),
    ],
)
def test_a_word_that_one_name_alone_has_names_the_device(text: str, code: str) -> None:
    assert meant(text) == (code,)


def test_a_word_of_several_names_is_no_name_by_itself() -> None:
    assert "press" not in spoken_names(PRESSES)
    assert named_like("press", PRESSES) == ["prs-1", "prs-2"]
    assert named_like("presses", PRESSES) == []
    assert named_like("冲压机", PRESSES) == ["cyj"]


@pytest.mark.parametrize("said", ["device 3", "machine no. 3", "设备3"])
def test_a_code_that_is_the_number_itself_comes_before_one_that_ends_in_it(said: str) -> None:
    assert meant(f"mean pressure of {said} today") == ("3",)
    without = [card for card in PRESSES if card.code != "3"]
    assert resolve_devices(parse_prompt(f"mean pressure of {said} today", NOW), without).codes == ("WLD003",)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("mean pressure of all machines except 3 today", ("WLD003", "prs-1", "prs-2", "cyj")),
        ("mean pressure of all machines except the compressor today", ("WLD003", "prs-1", "prs-2", "cyj")),
        ("mean pressure of hall 1 except the compressor today", ("WLD003", "prs-1")),
    ],
)
def test_what_is_excepted_by_number_or_name_is_left_out(text: str, codes: tuple[str, ...]) -> None:
    assert meant(text) == codes


async def test_the_press_of_a_hall_is_told_apart_from_others_in_it(new_id: Callable[[str], str]) -> None:
    cards = [
        {"device_code": card.code, "name": card.name, "labels": dict(card.labels), "fields": ["pressure"]}
        for card in PRESSES
    ]
    provider = FallbackProvider(clock=ManualClock(start=NOW), new_id=new_id)
    talk = Talk(provider, "mean pressure of the press in hall 2 today", *cards)
    assert (await talk.step())[0] == "list_devices"
    name, arguments = await talk.step()
    assert (name, arguments["device_code"], arguments.get("other_device_codes")) == ("device_statistics", "prs-2", None)


@pytest.mark.parametrize("code", ["machine", "device", "机器"])
def test_the_word_for_all_machines_is_no_device_of_that_name_where_which_or_each_is_asked(code: str) -> None:
    def devices_of(text: str) -> tuple[str, ...]:
        return parse_prompt(text, NOW, known_devices=[code, "WLD001"], known_fields=["pressure"]).devices

    if code == "机器":
        assert devices_of("哪台机器今天的平均压力最高") == ()
        assert devices_of("机器今天的平均压力") == (code,)
        return
    for text in (
        f"which {code} had the highest pressure today?",
        f"every {code}'s mean pressure",
        f"each {code} today",
    ):
        assert devices_of(text) == ()
    for text in (f"mean pressure of {code} today", f"mean pressure of the {code} today"):
        assert devices_of(text) == (code,)
