"""The offline provider prepares alarms for who wants to be told, and takes questions for what they are."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from llm_service.domain.model.request import ToolDefinition
from llm_service.domain.offline.alarm_request import read_alarms
from llm_service.domain.offline.parse import parse_prompt
from llm_service.providers.fallback import FallbackProvider
from penstock_testkit.clock import ManualClock

NOW = datetime(2026, 11, 21, 14, 30, tzinfo=UTC)
_ALARM = ["watch", "device_codes", "model_code", "field", "limit", "lower", "upper", "seconds"]
_PROPERTIES = {"list_devices": ["search"], "device_statistics": ["device_code", "fields"], "prepare_alarm": _ALARM}
TOOLS = tuple(
    ToolDefinition(name=name, parameters=json.dumps({"type": "object", "properties": {key: {} for key in keys}}))
    for name, keys in _PROPERTIES.items()
)


class Shop:
    """Two machines, and the calls that were made about them."""

    def __init__(self, new_id: Callable[[str], str], tool_talk: Callable[..., Any]) -> None:
        self._talk = tool_talk
        self._provider = FallbackProvider(clock=ManualClock(start=NOW), new_id=new_id)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.tools = TOOLS

    async def ask(self, text: str) -> str:
        return await self._talk(self._provider, self.tools, self.answer).ask(text)

    def answer(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((name, arguments))
        if name == "list_devices":
            fields = ["current", "voltage", "gas_flow"]
            card = {"fields": fields, "units": {"current": "A"}}
            return {"devices": [{**card, "device_code": code} for code in ("WLD001", "WLD002")]}
        assert name == "prepare_alarm", f"{name} was called"
        return {"link": f"/dashboard#alarm={len(self.calls)}", "alarm": {"name": f"alarm {arguments['watch']}"}}

    @property
    def alarms(self) -> list[dict[str, Any]]:
        return [arguments for name, arguments in self.calls if name == "prepare_alarm"]


@pytest.fixture
def shop(new_id: Callable[[str], str], tool_talk: Callable[..., Any]) -> Shop:
    return Shop(new_id, tool_talk)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tell me when WLD001's current goes above 250", {"watch": "above", "field": "current", "limit": 250}),
        (
            "let me know if the voltage of WLD001 drops below 20 for 5 minutes",
            {"watch": "below", "field": "voltage", "limit": 20, "seconds": 300},
        ),
        ("alert me when WLD001 sends no data for 10 minutes", {"watch": "no_data", "seconds": 600}),
        (
            "set an alarm on WLD001 when current is outside 100 to 200",
            {"watch": "outside", "field": "current", "lower": 100, "upper": 200},
        ),
        ("notify me as soon as WLD001 behaves strange", {"watch": "anomaly"}),
        ("please set up an alert: gas_flow of WLD001 under 8", {"watch": "below", "field": "gas_flow", "limit": 8}),
        ("WLD001的电流超过250时告诉我", {"watch": "above", "field": "current", "limit": 250}),
        ("如果WLD001的电压低于20持续30秒请通知我", {"watch": "below", "field": "voltage", "limit": 20, "seconds": 30}),
        ("WLD001 10分钟没有数据时报警", {"watch": "no_data", "seconds": 600}),
        ("当WLD001的电流超出100到200时，提醒我", {"watch": "outside", "field": "current", "lower": 100, "upper": 200}),
        ("设置报警：WLD001电流大于250", {"watch": "above", "field": "current", "limit": 250}),
    ],
)
async def test_who_wants_to_be_told_gets_the_link_of_an_alarm(shop: Shop, text: str, expected: dict[str, Any]) -> None:
    answer = await shop.ask(text)
    assert shop.alarms == [{"device_codes": ["WLD001"], **expected}]
    assert f"](/dashboard#alarm={len(shop.calls)})" in answer
    assert ("Nothing is watched yet" in answer) or ("现在还没有开始监视" in answer)


@pytest.mark.parametrize(
    "text",
    [
        "tell me when WLD001's current went above 250",
        "when was the current of WLD001 above 250 yesterday",
        "tell me if WLD001 was ever above 250",
        "tell me when the current was highest",
        "how many alarms were there yesterday",
        "are there any anomalies of WLD001",
        "let me know the maximum current of WLD001",
        "告诉我WLD001的平均电流",
        "告诉我WLD001当前的电流",
        "告诉我过去1小时的电流",
        "WLD001的电流什么时候超过250？告诉我",
        "有哪些报警？",
        "请告诉我最近10分钟电流大于200的次数",
    ],
)
def test_questions_about_what_was_are_no_wishes_to_be_told(text: str) -> None:
    assert read_alarms(text, parse_prompt(text, NOW)) == ()


async def test_of_two_conditions_there_is_an_alarm_for_each(shop: Shop) -> None:
    answer = await shop.ask("warn me when WLD001's current exceeds 300 and its voltage is below 15")
    assert [(each["watch"], each["field"], each["limit"]) for each in shop.alarms] == [
        ("above", "current", 300),
        ("below", "voltage", 15),
    ]
    assert "An alarm watches one value, so there is one for each condition." in answer
    assert answer.count("](/dashboard#alarm=") == 2


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("set an alarm on WLD001", "When shall it fire?"),
        ("给WLD001设置报警", "什么情况下告警"),
        ("alert me when WLD001 goes above 250", "Of which field? There are: current, voltage, gas_flow."),
        ("alert me when WLD001 sends no data", "After how long without data?"),
        ("tell me when the current goes above 250", "Which device do you mean?"),
        ("tell me when WLD009's current goes above 250", "no device WLD009"),
    ],
)
async def test_what_an_alarm_lacks_is_asked_for(shop: Shop, text: str, asked: str) -> None:
    assert asked in await shop.ask(text)
    assert shop.alarms == []


async def test_without_the_tool_it_is_said_where_alarms_are_made(shop: Shop) -> None:
    shop.tools = TOOLS[:2]
    assert "/dashboard#alarm=" in await shop.ask("tell me when WLD001's current goes above 250")
    assert shop.calls == []


@pytest.mark.parametrize(
    ("band", "expected"),
    [("-5 to 20.5", (-5, 20.5)), ("100-200", (100, 200)), ("200 and 100", (100, 200)), ("-20 to -5", (-20, -5))],
)
def test_a_band_is_two_numbers_with_their_signs(band: str, expected: tuple[float, float]) -> None:
    text = f"alert me when the current of WLD001 is outside {band}"
    (request,) = read_alarms(text, parse_prompt(text, NOW))
    assert (request.watch, request.band) == ("outside", expected)


async def test_a_limit_is_in_the_fields_own_unit(shop: Shop) -> None:
    await shop.ask("tell me when WLD001's current goes above 0.25 kA")
    assert [(each["field"], each["limit"]) for each in shop.alarms] == [("current", 250)]


async def test_a_field_that_the_device_lacks_is_told(shop: Shop) -> None:
    answer = await shop.ask("tell me when WLD001's pressure goes above 5")
    assert "WLD001 has no field pressure. It has: current, voltage, gas_flow." in answer
    assert shop.alarms == []


async def test_a_link_that_the_tool_refuses_is_passed_on_in_its_words(
    new_id: Callable[[str], str], tool_talk: Callable[..., Any]
) -> None:
    class Refusing(Shop):
        def answer(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
            told = super().answer(name, arguments)
            return told if name == "list_devices" else {"error": "device 'WLD001' is gone"}

    answer = await Refusing(new_id, tool_talk).ask("tell me when WLD001's current goes above 5")
    assert "device 'WLD001' is gone" in answer


async def test_a_name_cannot_end_the_link_that_it_stands_in(
    new_id: Callable[[str], str], tool_talk: Callable[..., Any]
) -> None:
    class Odd(Shop):
        def answer(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
            told = super().answer(name, arguments)
            return told if name == "list_devices" else {**told, "alarm": {"name": "a](http://evil.invalid) [b\n"}}

    answer = await Odd(new_id, tool_talk).ask("tell me when WLD001's current goes above 5")
    assert answer.startswith("[Make this alarm: a)(http://evil.invalid) (b ](/dashboard#alarm=")
