"""Devices that are called by a word of the grammar are known by their names where a name is expected."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from llm_service.domain.model.completion import fold
from llm_service.domain.model.event import FinishReason
from llm_service.domain.model.message import Message, Role, TextPart, text_message
from llm_service.domain.model.request import CompletionRequest, ToolDefinition
from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Statistic
from llm_service.domain.offline.vocabulary import lexicon
from llm_service.domain.offline.word_device import names_word_device
from llm_service.providers.fallback import FallbackProvider
from penstock_testkit.clock import ManualClock

NOW = datetime(2026, 11, 30, 8, 30, tzinfo=UTC)
CODES = ("valve1-0", "free", "idle", "now", "mean", "machine", "good", "max", "三", "空闲")
FIELDS = ("Accelerometer1RMS", "Pressure", "Temperature")
WORDS = ("free", "idle", "now", "mean", "machine", "good", "max")
NAMES = ("三", "空闲", "idle", "now")


def read(text: str, codes: tuple[str, ...] = CODES) -> tuple[tuple[str, ...], tuple[Statistic, ...], tuple[str, ...]]:
    query = parse_prompt(text, NOW, known_devices=codes, known_fields=FIELDS)
    return query.devices, query.statistics, query.unread


@pytest.mark.parametrize("code", WORDS)
@pytest.mark.parametrize(
    ("form", "statistic"),
    [
        ("mean pressure of {} today", Statistic.MEAN),
        ("max pressure of {} in the last 3 hours", Statistic.MAX),
        ('the lowest pressure of "{}" yesterday', Statistic.MIN),
        ("{}'s median pressure yesterday", Statistic.MEDIAN),
        ("what was the mean pressure on the {} yesterday?", Statistic.MEAN),
    ],
)
def test_a_word_that_is_a_code_names_the_device_where_one_is_expected(
    code: str, form: str, statistic: Statistic
) -> None:
    assert read(form.format(code)) == ((code,), (statistic,), ())


@pytest.mark.parametrize("code", WORDS)
@pytest.mark.parametrize(
    "form",
    [
        "mean of valve1-0 and {}",
        "mean pressure of valve1-0 and {} today",
        "valve1-0 vs {}: mean pressure yesterday",
        "mean pressure of valve1-0, {} an hour ago",
    ],
)
def test_a_word_beside_a_device_is_the_other_one(code: str, form: str) -> None:
    assert read(form.format(code)) == (("valve1-0", code), (Statistic.MEAN,), ())


@pytest.mark.parametrize("code", NAMES)
@pytest.mark.parametrize("form", ["{}的平均压力是多少", "{}过去一小时的压力平均多少", "valve1-0和{}今天的平均压力"])
def test_a_chinese_question_names_it_in_front_of_what_is_asked(code: str, form: str) -> None:
    devices, statistics, unread = read(form.format(code))
    assert (devices[-1], statistics, unread) == (code, (Statistic.MEAN,), ())


@pytest.mark.parametrize(
    ("text", "devices"),
    [
        ("mean and max pressure of valve1-0", ("valve1-0",)),
        ("was valve1-0 idle today", ("valve1-0",)),
        ("how long was valve1-0 idle and free today", ("valve1-0",)),
        ("max pressure of valve1-0 now", ("valve1-0",)),
        ("is the pressure of valve1-0 good", ("valve1-0",)),
        ("过去三小时valve1-0的平均压力", ("valve1-0",)),
        ("which machine is idle now", ()),
    ],
)
def test_a_word_stays_what_it_says_where_no_device_is_expected(text: str, devices: tuple[str, ...]) -> None:
    found = parse_prompt(text, NOW, known_devices=[code for code in CODES if code != "free"], known_fields=FIELDS)
    assert found.devices == devices


def test_such_a_device_does_what_it_is_asked_to_have_done() -> None:
    query = parse_prompt("how long did idle run today", NOW, known_devices=CODES, known_fields=FIELDS)
    assert (query.devices, query.statistics) == (("idle",), (Statistic.DURATION,))


@pytest.mark.parametrize("text", ["mean of valve1-0 and free", "is free vs valve1-0 hotter", 'mean of "idle" and v1'])
def test_a_word_beside_a_code_may_be_a_device_that_is_not_known_yet(text: str) -> None:
    assert names_word_device(text, lexicon())


@pytest.mark.parametrize(
    "text", ["mean current of WLD001 and WLD002", "was WLD001 idle and hot today", "max of v1 now"]
)
def test_where_no_word_stands_for_a_device_none_is_expected(text: str) -> None:
    assert not names_word_device(text, lexicon())


async def test_the_devices_are_listed_before_a_word_beside_a_code_is_left_out(new_id: Callable[[str], str]) -> None:
    provider = FallbackProvider(clock=ManualClock(start=NOW), new_id=new_id)
    names = ("device_code", "other_device_codes", "fields", "start_time", "end_time")
    tools = tuple(
        ToolDefinition(name=tool, parameters=json.dumps({"type": "object", "properties": {each: {} for each in names}}))
        for tool in ("list_devices", "device_statistics")
    )
    messages = [text_message(Role.USER, "mean of valve1-0 and free")]
    called: list[str] = []
    arguments: dict[str, object] = {}
    cards = [{"device_code": code, "fields": ["Pressure"]} for code in ("valve1-0", "free")]
    for _ in range(2):
        answer = await fold(provider.stream(CompletionRequest(messages=tuple(messages), tools=tools)))
        assert answer.finished.reason is FinishReason.TOOL_CALLS
        (call,) = answer.first.tool_calls
        called.append(call.name)
        arguments = json.loads(call.arguments)
        part = TextPart(text=json.dumps({"devices": cards}))
        messages.append(Message(role=Role.ASSISTANT, tool_calls=answer.first.tool_calls))
        messages.append(Message(role=Role.TOOL, tool_call_id=call.id, parts=(part,)))
    assert called == ["list_devices", "device_statistics"]
    assert (arguments["device_code"], arguments["other_device_codes"]) == ("valve1-0", ["free"])
