"""The offline provider answers questions about devices by calling the tools it is offered."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from llm_service.domain.model.completion import fold
from llm_service.domain.model.event import Started, TextDelta
from llm_service.domain.model.failure import Attempt, FailureKind
from llm_service.domain.model.message import ImagePart, Message, Role, TextPart, text_message
from llm_service.domain.model.request import CompletionRequest, ToolChoice, ToolDefinition, ToolMode
from llm_service.providers.fallback import FallbackProvider
from penstock_testkit.clock import ManualClock

NOW = datetime(2026, 11, 21, 1, 30, tzinfo=UTC)
FIELDS = ["current", "voltage", "Volume Flow RateRMS"]
MEANS = {"current": 181.23456789012, "voltage": 23.5, "Volume Flow RateRMS": 325}
DEVICES = ["WLD001", "WLD002", "machine_temperature_system_failure"]
_PARAMETERS = {
    "list_devices": ["model_code", "search"],
    "device_statistics": ["device_code", "fields", "start_time", "end_time"],
    "device_query": ["device_code", "fields", "start_time", "end_time", "limit", "interval", "aggregate"],
    "device_features": ["device_code", "fields", "start_time", "end_time", "window_size", "overlap", "features"],
}
TOOLS = tuple(
    ToolDefinition(name=name, parameters=json.dumps({"type": "object", "properties": {key: {} for key in keys}}))
    for name, keys in _PARAMETERS.items()
)


class Shop:
    """Plays the feature service: three devices with data on 2026-11-20 and 21."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    @property
    def called(self) -> list[str]:
        """The names of the tools that were called."""
        return [name for name, _ in self.calls]

    def answer(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((name, arguments))
        if name == "list_devices":
            wanted = arguments.get("search", "")
            return {"devices": [self._card(code) for code in DEVICES if wanted in code]}
        code = arguments["device_code"]
        if code not in DEVICES:
            return {"error": {"message": f"device {code} not found"}}
        fields = arguments.get("fields") or FIELDS
        match name:
            case "device_statistics":
                return self._statistics(code, fields, arguments)
            case "device_query":
                rows = [[f"2026-11-21T0{hour}:00:00Z", *[hour + 0.5 for _ in fields]] for hour in (1, 0)]
                return {"device_code": code, "columns": ["timestamp", *fields], "rows": rows, "truncated": False}
            case _:
                summary = [{"feature": "current_mean", "min": 1.0, "max": 2.0, "mean": 1.5, "std": 0.1}]
                return {
                    "device_code": code,
                    "feature_names": ["current_mean"],
                    "window_count": 7,
                    "summary": summary,
                }

    def _card(self, code: str) -> dict[str, Any]:
        return {
            "device_code": code,
            "device_type": "welding_machine",
            "model_code": "welding_ai_model",
            "fields": FIELDS,
            "first_seen": "2026-11-20T00:00:00Z",
            "last_seen": "2026-11-21T01:29:00Z",
        }

    def _statistics(self, code: str, fields: Sequence[str], arguments: dict[str, Any]) -> dict[str, Any]:
        if arguments.get("start_time", "2026") < "2026":
            return {"device_code": code, "row_count": 0, "statistics": []}
        unknown = [field for field in fields if field not in FIELDS]
        if unknown:
            return {"error": {"message": f"no field {unknown[0]}"}}
        rows = [
            {
                "field": field,
                "count": 100,
                "mean": MEANS[field] + DEVICES.index(code),
                "std": 1.0,
                "min": 0.0,
                "max": MEANS[field] + 1,
                "median": 2.5,
                "missing_ratio": 0.02,
            }
            for field in fields
        ]
        return {
            "device_code": code,
            "start_time": "2026-11-20T00:00:00Z",
            "end_time": "2026-11-21T01:29:00Z",
            "row_count": 100,
            "statistics": rows,
        }


@pytest.fixture
def provider(new_id: Callable[[str], str]) -> FallbackProvider:
    return FallbackProvider(clock=ManualClock(start=NOW), new_id=new_id)


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def start_talk(provider: FallbackProvider, tool_talk: Callable[..., Any], shop: Shop) -> Callable[..., Any]:
    """What begins a talk in which the shop answers every tool call; `tools` are all of them unless it is told."""

    def answer(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return shop.answer(name, arguments)  # which a test may replace in the middle of a talk

    return lambda tools=TOOLS: tool_talk(provider, tools, answer)


@pytest.fixture
def talk(start_talk: Callable[..., Any]) -> Any:
    return start_talk()


async def test_a_mean_is_answered_from_the_statistics_tool_with_sensible_digits(talk: Any, shop: Shop) -> None:
    text = await talk.ask("what was the mean Current of WLD001 on 2026-11-20?")
    assert shop.calls == [
        (
            "device_statistics",
            {"device_code": "WLD001", "start_time": "2026-11-20T00:00:00Z", "end_time": "2026-11-21T00:00:00Z"},
        )
    ]
    assert text == "The mean current of WLD001 on 2026-11-20 is 181.2 (100 readings)."


async def test_the_same_in_chinese(talk: Any) -> None:
    text = await talk.ask("WLD001 昨天的平均电流是多少？")
    assert text == "WLD001 在 2026-11-20 的 current 平均值为 181.2（共 100 条数据）。"


async def test_a_field_with_spaces_is_found_in_the_result(talk: Any) -> None:
    assert "mean Volume Flow RateRMS of WLD001" in await talk.ask("mean volume flow raterms of WLD001 yesterday")
    assert "32" in await talk.ask('mean "Volume Flow RateRMS" of WLD001 yesterday')


async def test_several_statistics_make_a_list(talk: Any) -> None:
    text = await talk.ask("highest current and lowest voltage of WLD001 today")
    assert "- current: maximum 182.2, minimum 0" in text
    assert "- voltage: maximum 24.5, minimum 0" in text
    assert "Volume" not in text


async def test_without_a_field_all_fields_are_summed_up(talk: Any) -> None:
    text = await talk.ask("statistics of WLD001 today")
    assert all(f"- {field}: mean" in text for field in FIELDS)


async def test_a_device_in_another_spelling_is_looked_up_and_found(talk: Any, shop: Shop) -> None:
    text = await talk.ask("mean current of wld002 yesterday")
    assert shop.called == ["device_statistics", "list_devices", "device_statistics"]
    assert shop.calls[-1][1]["fields"] == ["current"]
    assert "WLD002" in text
    assert "182.2" in text


async def test_an_unknown_device_is_answered_with_those_there_are(talk: Any) -> None:
    text = await talk.ask("mean current of WLD009 yesterday")
    assert text == f"There is no device WLD009. There are: {', '.join(DEVICES)}."


async def test_an_unknown_field_is_answered_with_those_there_are(talk: Any) -> None:
    text = await talk.ask("mean banana_count of WLD001")
    assert text == f"WLD001 has no field banana_count. It has: {', '.join(FIELDS)}."


async def test_without_a_device_it_asks_back_and_names_them(talk: Any, shop: Shop) -> None:
    text = await talk.ask("what is the average current?")
    assert shop.called == ["list_devices"]
    assert text == f"Which device do you mean? There are: {', '.join(DEVICES)}."


async def test_a_device_without_digits_is_recognised_among_those_listed(talk: Any, shop: Shop) -> None:
    text = await talk.ask("maximum of machine_temperature_system_failure in November 2026")
    assert shop.called == ["list_devices", "device_statistics"]
    assert "machine_temperature_system_failure" in text


async def test_an_empty_range_is_answered_with_the_range_there_is(talk: Any) -> None:
    text = await talk.ask("mean current of WLD001 on 2020-03-09")
    assert text == "WLD001 has no data on 2020-03-09. Its data covers from 2026-11-20 00:00 to 2026-11-21 01:29 UTC."


async def test_an_empty_range_that_the_tool_calls_an_error_is_answered_the_same(talk: Any, shop: Shop) -> None:
    answered = shop.answer

    def answer(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        result = answered(name, arguments)
        return {"error": "there are no rows of device 'WLD001'"} if result.get("row_count") == 0 else result

    shop.answer = answer  # type: ignore[method-assign]
    text = await talk.ask("WLD001 在2020年3月9日的平均电流")
    assert text == "WLD001 在 2020-03-09 没有数据。现有数据的时间范围为 2026-11-20 00:00 至 2026-11-21 01:29（UTC）。"


async def test_a_follow_up_that_names_a_statistic_asks_for_numbers(talk: Any) -> None:
    await talk.ask("show the trend of current on WLD001 today")
    assert "maximum current of WLD001 on 2026-11-21 so far is 182.2" in await talk.ask("and the max?")
    await talk.ask("compare WLD001 and WLD002 today")
    assert "WLD001 compared with WLD002" in await talk.ask("and the minimum?")


async def test_a_follow_up_takes_what_it_leaves_out_from_before(talk: Any) -> None:
    await talk.ask("what was the mean current of WLD001 on 2026-11-20?")
    assert "maximum current of WLD001 on 2026-11-20 is 182.2" in await talk.ask("and the max?")
    assert "WLD001 在 2026-11-21" in await talk.ask("那今天的电压呢")


async def test_devices_are_compared_side_by_side(talk: Any, shop: Shop) -> None:
    text = await talk.ask("compare the mean current of WLD001 and WLD002 today")
    assert shop.called == ["device_statistics", "device_statistics"]
    assert "- current mean: WLD001 181.2, WLD002 182.2; WLD002 − WLD001 = 1 (0.552 %)" in text


async def test_devices_are_listed_with_their_fields(talk: Any, shop: Shop) -> None:
    text = await talk.ask("有哪些设备？")
    assert shop.called == ["list_devices"]
    assert all(code in text for code in DEVICES)
    assert "Volume Flow RateRMS" in text


async def test_a_trend_is_asked_for_in_buckets_and_told(talk: Any, shop: Shop) -> None:
    text = await talk.ask("show the trend of current on WLD001 today")
    name, arguments = shop.calls[-1]
    assert (name, arguments["interval"], arguments["aggregate"]) == ("device_query", "30m", "mean")
    assert "rises: from 0.5 to 1.5" in text


async def test_the_last_value_is_read_where_the_data_ends(talk: Any, shop: Shop) -> None:
    text = await talk.ask("what is the current voltage of WLD001?")
    assert shop.calls[-1] == (
        "device_query",
        {"device_code": "WLD001", "fields": ["voltage"], "start_time": "2026-11-21T01:28:00Z"},
    )
    assert "- voltage: 1.5" in text


async def test_features_are_summed_up(talk: Any, shop: Shop) -> None:
    text = await talk.ask("features of WLD001 over the last 2 hours with windows of 64")
    assert shop.calls[-1][1]["window_size"] == 64
    assert "current_mean: 1.5 (1 to 2)" in text


async def test_windows_of_minutes_are_asked_for_by_time_or_named_as_left_out(
    start_talk: Callable[..., Any], shop: Shop
) -> None:
    said = "features of WLD001 over the last 2 hours with windows of 10 minutes"
    keys = {"device_code": {}, "start_time": {}, "window_length": {}}
    by_time = ToolDefinition(name="device_features", parameters=json.dumps({"type": "object", "properties": keys}))
    await start_talk([TOOLS[0], by_time]).ask(said)
    assert shop.calls[-1][1]["window_length"] == "600s"
    text = await start_talk().ask(said)
    assert "window_size" not in shop.calls[-1][1]
    assert "the size of the windows" in text


async def test_extreme_values_are_named_as_anomalies(talk: Any) -> None:
    text = await talk.ask("any anomalies in the current of WLD001 today?")
    assert "- current: 0 is 181 standard deviations from the mean 181.2" in text
    assert "2 % of the values are missing" in text


async def test_a_tool_error_is_told_in_its_own_words(talk: Any, shop: Shop) -> None:
    shop.answer = lambda name, arguments: {"error": {"message": "the store is being repaired"}}  # type: ignore[method-assign]
    text = await talk.ask("mean current of WLD001 today")
    assert "device_statistics reported: the store is being repaired" in text


async def test_a_tool_result_that_is_no_json_is_told_as_it_is(provider: FallbackProvider) -> None:
    answer = await fold(
        provider.stream(CompletionRequest(messages=(text_message(Role.USER, "mean current of WLD001"),), tools=TOOLS))
    )
    call = answer.first.tool_calls[0]
    result = Message(role=Role.TOOL, tool_call_id=call.id, parts=(TextPart(text="Internal Server Error"),))
    asked = text_message(Role.USER, "mean current of WLD001")
    messages = (asked, Message(role=Role.ASSISTANT, tool_calls=(call,)), result)
    second = await fold(provider.stream(CompletionRequest(messages=messages, tools=TOOLS)))
    assert "Internal Server Error" in second.first.text


async def test_arguments_the_tool_does_not_take_are_left_out(provider: FallbackProvider) -> None:
    schema = json.dumps({"properties": {"device": {}, "start": {}, "end": {}}})
    tools = (ToolDefinition(name="telemetry.device_statistics", parameters=schema),)
    request = CompletionRequest(
        messages=(text_message(Role.USER, "mean current of WLD001 on 2026-11-20"),), tools=tools
    )
    call = (await fold(provider.stream(request))).first.tool_calls[0]
    assert call.name == "telemetry.device_statistics"
    assert json.loads(call.arguments) == {
        "device": "WLD001",
        "start": "2026-11-20T00:00:00Z",
        "end": "2026-11-21T00:00:00Z",
    }


@pytest.mark.parametrize(
    ("prompt", "phrase"), [("hello", "No language model is configured"), ("你好", "尚未配置大语言模型")]
)
async def test_anything_else_says_that_no_model_is_configured_and_how_to(
    talk: Any, shop: Shop, prompt: str, phrase: str
) -> None:
    text = await talk.ask(prompt)
    assert shop.called == []
    assert phrase in text
    assert "OPENAI_API_KEY" in text


async def test_a_word_that_only_looks_like_a_device_is_no_question_about_devices(talk: Any, shop: Shop) -> None:
    assert "No language model is configured" in await talk.ask("Explain GPT4 to me")
    assert shop.called == ["list_devices"]


async def test_without_tools_it_says_so(start_talk: Callable[..., Any]) -> None:
    assert "offers no tool that reads telemetry" in await start_talk(()).ask("mean current of WLD001 today")


async def test_tool_choice_none_is_obeyed(provider: FallbackProvider) -> None:
    request = CompletionRequest(
        messages=(text_message(Role.USER, "mean current of WLD001"),),
        tools=TOOLS,
        tool_choice=ToolChoice(mode=ToolMode.NONE),
    )
    assert (await fold(provider.stream(request))).first.tool_calls == ()


async def test_after_other_providers_failed_it_does_not_claim_that_none_is_configured(
    provider: FallbackProvider,
) -> None:
    failed = Attempt(provider="openai", model="m", failure=FailureKind.SERVER, duration=0.1)
    request = CompletionRequest(messages=(text_message(Role.USER, "hello"),), failed_attempts=(failed,))
    text = (await fold(provider.stream(request))).first.text
    assert "can't be reached at the moment" in text


async def test_it_streams_in_small_deltas_that_join_to_the_whole(provider: FallbackProvider) -> None:
    request = CompletionRequest(messages=(text_message(Role.USER, "你好"),))
    deltas = [event.text async for batch in provider.stream(request) for event in batch if isinstance(event, TextDelta)]
    assert len(deltas) > 50
    assert max(map(len, deltas)) < 40
    assert "".join(deltas) == (await fold(provider.stream(request))).first.text


async def test_the_same_question_has_the_same_answer(start_talk: Callable[..., Any]) -> None:
    prompt = "compare WLD001 and WLD002 today"
    assert await start_talk().ask(prompt) == await start_talk().ask(prompt)


@pytest.mark.parametrize("words", [(), (TextPart(text="mean current of WLD001 in the last hour"),)])
async def test_pictures_are_named_as_what_was_left_out(words: tuple[TextPart, ...]) -> None:
    picture = ImagePart(data=b"\x89PNG", media_type="image/png")
    asked = CompletionRequest(model="fallback/rules", messages=(Message(role=Role.USER, parts=(picture, *words)),))
    provider = FallbackProvider(clock=ManualClock(start=NOW), new_id=lambda kind: kind)
    events = [event async for batch in provider.stream(asked) for event in batch]
    assert isinstance(events[0], Started)
    assert events[0].dropped_params == ("messages.image",)
    await provider.close()
