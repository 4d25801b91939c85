"""Streams of vendors that bend OpenAI's format: repeated indices, missing ids, arrays as content, cut characters."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from llm_service.domain.model.completion import Completion, fold
from llm_service.domain.model.event import FinishReason, TextDelta, ToolCallDelta
from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.profile import ProviderProfile
from llm_service.providers.anthropic import AnthropicProvider
from llm_service.providers.gemini import GeminiProvider
from llm_service.providers.openai import OpenAiProvider
from llm_service.testing import collected, question, text_of
from penstock_testkit.clock import ManualClock
from penstock_testkit.vendors.anthropic_server import AnthropicServer
from penstock_testkit.vendors.gemini_server import GeminiServer
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import Reply

SMILE = "\U0001f600"


@pytest.fixture
async def provider(
    profile: ProviderProfile, clock: ManualClock, new_id: Callable[[str], str]
) -> AsyncIterator[OpenAiProvider]:
    made = OpenAiProvider(profile, clock=clock, new_id=new_id, connect_timeout=60)
    yield made
    await made.close()


def chunk(delta: dict[str, Any], reason: str | None = None) -> bytes:
    """Return one event whose JSON may hold halves of characters, as escapes."""
    body = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def call(name: str = "", arguments: str = "", **more: Any) -> dict[str, Any]:
    """Return a delta with one piece of a call."""
    function = {"arguments": arguments, **({"name": name} if name else {})}
    return {"tool_calls": [{"function": function, **more}]}


async def streamed(provider: OpenAiProvider, vendor: OpenAiServer, *deltas: dict[str, Any], reason: str) -> Completion:
    vendor.script(Reply(raw=b"".join(map(chunk, deltas)) + chunk({}, reason), content_type="text/event-stream"))
    return await fold(provider.stream(question(model="m")))


def told(answer: Completion) -> list[tuple[str, str]]:
    return [(each.name, each.arguments) for each in answer.first.tool_calls]


SEQUENCES = {
    "one index, an id each": (
        call("f", '{"x":1}', index=0, id="a1"),
        call("g", '{"y":2}', index=0, id="a2"),
    ),
    "no index": (call("f", '{"x":1}', id="a1"), call("g", '{"y":2}', id="a2")),
    "no id": (call("f", '{"x":1}', index=0), call("g", '{"y":2}', index=0)),
    "neither": (call("f", '{"x":1}'), call("g", '{"y":2}')),
    "in pieces, with id and name repeated": (
        call("f", '{"x"', index=0, id="a1"),
        call("f", ":1}", index=0, id="a1"),
        call("g", '{"y":2}', index=1, id="a2"),
    ),
    "in pieces, with a new id each": (
        call("f", '{"x"', index=0, id="a1"),
        call("", ":1}", index=0, id="a9"),
        call("g", '{"y":2}', index=1, id="a2"),
    ),
    "in pieces without an id": (
        call("f", '{"x"', index=0),
        call("f", ":1}", index=0),
        call("g", '{"y":2}', index=0),
    ),
    "the name after the arguments": (
        call("", '{"x"', index=0, id="a1"),
        call("", ":1", index=0),
        call("f", "}", index=0),
        call("", "", index=1, id="a2"),
        call("g", '{"y":2}', index=1, id="a2"),
    ),
    "the name after the arguments, without an id": (
        call("", '{"x":1}', index=0),
        call("f", "", index=0),
        call("", '{"y":2}', index=1),
        call("g", "", index=1),
    ),
    "one id for both": (call("f", '{"x":1}', index=0, id="a"), call("g", '{"y":2}', index=1, id="a")),
}


@pytest.mark.parametrize("deltas", SEQUENCES.values(), ids=SEQUENCES)
async def test_two_calls_stay_two_whatever_ids_and_indices_they_have(
    provider: OpenAiProvider, vendor: OpenAiServer, deltas: tuple[dict[str, Any], ...]
) -> None:
    answer = await streamed(provider, vendor, *deltas, reason="tool_calls")
    assert told(answer) == [("f", '{"x":1}'), ("g", '{"y":2}')]
    ids = [each.id for each in answer.first.tool_calls]
    assert all(ids)
    assert len(set(ids)) == 2


async def test_the_first_words_of_a_long_read_do_not_wait_for_the_others(
    provider: OpenAiProvider, vendor: OpenAiServer
) -> None:
    words = [f"word{number} " for number in range(200)]
    raw = b"".join(chunk({"content": word}) for word in words) + chunk({}, "stop") + b"data: [DONE]\n\n"
    vendor.script(Reply(raw=raw, content_type="text/event-stream"))
    batches = [batch async for batch in provider.stream(question(model="m"))]
    first = [event.text for event in batches[0] if isinstance(event, TextDelta)]
    assert 1 <= len(first) <= 8
    assert max(len(batch) for batch in batches) > 50, "the others come together"
    assert text_of([event for batch in batches for event in batch]) == "".join(words)


@pytest.mark.parametrize("streaming", [True, False])
async def test_an_answer_that_ends_in_calls_says_so_though_the_vendor_says_stop(
    provider: OpenAiProvider, vendor: OpenAiServer, streaming: bool
) -> None:
    function = {"name": "f", "arguments": {"x": 1}}
    if streaming:
        answer = await streamed(provider, vendor, {"tool_calls": [{"function": function}]}, reason="stop")
    else:
        message = {"role": "assistant", "content": None, "tool_calls": [{"function": function}, {"function": function}]}
        body = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
        vendor.script(Reply(raw=json.dumps(body).encode()))
        answer = await fold(provider.stream(question(model="m", streaming=False)))
    assert answer.finished.reason is FinishReason.TOOL_CALLS
    assert set(told(answer)) == {("f", '{"x":1}')}
    assert len(answer.first.tool_calls) == (1 if streaming else 2)


async def test_the_older_function_call_is_a_call(provider: OpenAiProvider, vendor: OpenAiServer) -> None:
    pieces = ({"function_call": {"name": "f", "arguments": '{"x"'}}, {"function_call": {"arguments": ":1}"}})
    answer = await streamed(provider, vendor, *pieces, reason="function_call")
    assert told(answer) == [("f", '{"x":1}')]


ARRAY = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "Hi"}]


@pytest.mark.parametrize("streaming", [True, False])
async def test_content_that_is_an_array_is_text_and_reasoning(
    provider: OpenAiProvider, vendor: OpenAiServer, streaming: bool
) -> None:
    if streaming:
        answer = await streamed(provider, vendor, {"content": ARRAY[:1]}, {"content": ARRAY[1:]}, reason="stop")
    else:
        body = {"choices": [{"message": {"content": ARRAY}, "finish_reason": "stop"}]}
        vendor.script(Reply(raw=json.dumps(body).encode()))
        answer = await fold(provider.stream(question(model="m", streaming=False)))
    assert (answer.first.text, answer.first.thinking) == ("Hi", "hm")


async def test_content_of_another_shape_is_the_vendors_error(provider: OpenAiProvider, vendor: OpenAiServer) -> None:
    with pytest.raises(ProviderError) as caught:
        await streamed(provider, vendor, {"content": {"odd": 1}}, reason="stop")
    assert caught.value.failure is FailureKind.PROTOCOL


ERRORS = [
    b'event: error\ndata: {"error": {"message": "the cable broke"}}\n\n',
    b'event: error\ndata: {"message": "the cable broke", "code": "moon"}\n\n',
    b"event: error\ndata: the cable broke\n\n",
    b'event:error\r\ndata:"the cable broke"\r\n\r\n',
    b'data: {"object": "error", "message": "the cable broke", "code": 500}\n\n',
]


@pytest.mark.parametrize("event", ERRORS)
async def test_the_words_of_an_error_in_the_stream_reach_the_caller(
    provider: OpenAiProvider, vendor: OpenAiServer, event: bytes
) -> None:
    vendor.script(Reply(raw=chunk({"content": "so far"}) + event, content_type="text/event-stream"))
    with pytest.raises(ProviderError, match="the cable broke") as caught:
        await collected(provider.stream(question(model="m")))
    assert caught.value.failure is FailureKind.SERVER


HALVES = [
    (["hi ", "\ud83d", "\ude00"], f"hi {SMILE}"),
    (["hi \ud83d", "\ude00!"], f"hi {SMILE}!"),
    (["\ud83d", "x"], "\ufffdx"),
    (["x\ude00y"], "x\ufffdy"),
    (["x", "\ud83d"], "x\ufffd"),
    (["\ud83d\ude00"], SMILE),
]


@pytest.mark.parametrize(("pieces", "text"), HALVES, ids=range(len(HALVES)))
async def test_characters_cut_in_two_are_whole_again_and_never_cost_the_answer(
    provider: OpenAiProvider, vendor: OpenAiServer, pieces: list[str], text: str
) -> None:
    answer = await streamed(provider, vendor, *({"content": piece} for piece in pieces), reason="stop")
    assert answer.first.text == text


async def test_a_half_in_a_call_or_a_log_probability_costs_nothing_either(
    provider: OpenAiProvider, vendor: OpenAiServer
) -> None:
    deltas = (call("f", '{"x":"\ud83d', index=0, id="a"), call("", '\ude00"}', index=0))
    assert told(await streamed(provider, vendor, *deltas, reason="tool_calls")) == [("f", f'{{"x":"{SMILE}"}}')]
    odd = {"choices": [{"delta": {"content": "\ud83d"}, "logprobs": {"content": [{"token": "\ud83d"}]}}]}
    raw = b"data: " + json.dumps(odd).encode() + b"\n\n" + chunk({"content": "\ude00"}) + chunk({}, "stop")
    vendor.script(Reply(raw=raw, content_type="text/event-stream"))
    events = await collected(provider.stream(question(model="m")))
    assert text_of(events) == SMILE


async def test_a_half_before_another_kind_of_content_is_told_in_its_place(
    provider: OpenAiProvider, vendor: OpenAiServer
) -> None:
    deltas = ({"content": "\ud83d"}, call("f", "{}", index=0, id="a"))
    vendor.script(Reply(raw=b"".join(map(chunk, deltas)) + chunk({}, "stop"), content_type="text/event-stream"))
    events = await collected(provider.stream(question(model="m")))
    spoken = [event for event in events if isinstance(event, TextDelta | ToolCallDelta)]
    assert [type(event) for event in spoken] == [TextDelta, ToolCallDelta]
    assert text_of(events) == "\ufffd"


async def test_cut_characters_of_the_other_dialects_are_whole_again_too(
    clock: ManualClock, new_id: Callable[[str], str]
) -> None:
    delta = {"type": "content_block_delta", "index": 0}
    claude: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "m", "model": "c", "usage": {}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({**delta, "delta": {"type": "text_delta", "text": half}} for half in ("\ud83d", "\ude00")),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    google: list[dict[str, Any]] = [
        *({"candidates": [{"content": {"parts": [{"text": half}]}}]} for half in ("\ud83d", "\ude00")),
        {"candidates": [{"content": {"parts": []}, "finishReason": "STOP"}]},
    ]
    for kind, server, events in (
        (AnthropicProvider, AnthropicServer(), claude),
        (GeminiProvider, GeminiServer(), google),
    ):
        async with server:
            row = ProviderProfile(name="p", dialect="", models=("m",), base_url=server.base_url)
            made = kind(row, clock=clock, new_id=new_id, connect_timeout=60)
            raw = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
            server.script(Reply(raw=raw, content_type="text/event-stream"))
            answer = await fold(made.stream(question(model="m")))
            await made.close()
        assert answer.first.text == SMILE


@pytest.mark.parametrize("end", [b"\r", b"\r\n"], ids=["returns", "both"])
async def test_lines_may_end_in_any_way_that_event_streams_know(
    provider: OpenAiProvider, vendor: OpenAiServer, end: bytes
) -> None:
    events = chunk({"content": "whole"}) + chunk({}, "model_length") + b"data: [DONE]\n\n"
    vendor.script(Reply(raw=events.replace(b"\n", end), content_type="text/event-stream"))
    answer = await fold(provider.stream(question(model="m")))
    assert (answer.first.text, answer.first.reason) == ("whole", FinishReason.LENGTH)
    assert answer.finished.vendor_reason == "model_length"


async def test_a_last_event_without_a_blank_line_counts(provider: OpenAiProvider, vendor: OpenAiServer) -> None:
    said, finished = chunk({"content": "whole"}), chunk({}, "length").rstrip()
    vendor.script(Reply(raw=said + finished, content_type="text/event-stream"))
    answer = await fold(provider.stream(question(model="m")))
    assert (answer.first.text, answer.first.reason) == ("whole", FinishReason.LENGTH)
