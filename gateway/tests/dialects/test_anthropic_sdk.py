"""The unmodified anthropic SDK against the gateway."""

import asyncio
import json

import anthropic
import pytest
from penstock.common.v1.common_pb2 import Usage
from penstock.llm.v1 import llm_pb2 as pb

from penstock_kit.errors import BadUpstream, InvalidArgument, ResourceExhausted, Unauthenticated, Unavailable
from penstock_testkit.services import Fail, Hang, answer_events
from penstock_testkit.services.llm import FINISHED, STARTED
from penstock_testkit.waiting import HANG_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUESTION = [{"role": "user", "content": "hi"}]
ASK = {"model": "anthropic/claude", "max_tokens": 100, "messages": QUESTION}
TOOL = {"name": "f", "description": "d", "input_schema": {"type": "object", "properties": {"a": {"type": "number"}}}}


def sdk(gateway, **options):
    return anthropic.AsyncAnthropic(base_url=gateway.url, **{"api_key": gateway.key, "max_retries": 0, **options})


def script(*events, reason="stop", **finished):
    end = pb.Finished(finish_reason=reason, usage=FINISHED.usage, **finished)
    return [[pb.CompletionEvent(started=STARTED)], list(events), [pb.CompletionEvent(finished=end)]]


def call(index, **fields):
    return pb.CompletionEvent(tool_call=pb.ToolCallDelta(call_index=index, **fields))


def text(value):
    return pb.CompletionEvent(text=pb.TextDelta(text=value))


async def test_a_plain_message_has_text_usage_and_stop_reason(gateway):
    async with sdk(gateway) as client:
        message = await client.messages.create(**ASK, system="be short")
    assert [block.text for block in message.content] == ["Hello world"]
    assert (message.role, message.type, message.stop_reason) == ("assistant", "message", "end_turn")
    assert message.id == "msg_ans_1"
    assert (message.usage.input_tokens, message.usage.cache_read_input_tokens, message.usage.output_tokens) == (5, 2, 4)
    assert message._request_id
    asked = gateway.fakes.llm.completions[0]
    assert [(entry.role, entry.parts[0].text) for entry in asked.messages] == [
        (pb.ROLE_SYSTEM, "be short"),
        (pb.ROLE_USER, "hi"),
    ]
    assert (asked.surface, asked.sampling.max_output_tokens) == ("messages", 100)


async def test_a_bearer_token_is_as_good_as_x_api_key(gateway):
    async with sdk(gateway, api_key=None, auth_token=gateway.key) as client:
        message = await client.messages.create(**ASK)
    assert message.content[0].text == "Hello world"


async def test_a_streamed_message_is_put_together_by_the_sdk(gateway):
    async with sdk(gateway) as client, client.messages.stream(**ASK) as stream:
        pieces = [piece async for piece in stream.text_stream]
        message = await stream.get_final_message()
    assert pieces == ["Hello", " world"]
    assert (message.content[0].text, message.stop_reason) == ("Hello world", "end_turn")
    assert (message.usage.input_tokens, message.usage.cache_read_input_tokens, message.usage.output_tokens) == (5, 2, 4)


async def test_the_events_of_a_stream_come_in_anthropics_order(gateway):
    gateway.fakes.llm.script = script(
        pb.CompletionEvent(thinking=pb.ThinkingDelta(text="hm")),
        pb.CompletionEvent(thinking=pb.ThinkingDelta(signature="sig")),
        text("let me see"),
        call(0, id="toolu_1", name="f", arguments='{"a":'),
        call(0, arguments="1}"),
        reason="tool_calls",
    )
    response = await gateway.client.post("/v1/messages", headers=gateway.auth(), json={**ASK, "stream": True})
    frames = [frame.split("\n") for frame in response.text.split("\n\n") if frame]
    events = [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in frames]
    assert all(name == event["type"] for name, event in events)
    assert [(name, event.get("index")) for name, event in events] == [
        ("message_start", None), ("ping", None),
        ("content_block_start", 0), ("content_block_delta", 0), ("content_block_delta", 0), ("content_block_stop", 0),
        ("content_block_start", 1), ("content_block_delta", 1), ("content_block_stop", 1),
        ("content_block_start", 2), ("content_block_delta", 2), ("content_block_delta", 2), ("content_block_stop", 2),
        ("message_delta", None), ("message_stop", None),
    ]  # fmt: skip
    assert events[-2][1]["delta"]["stop_reason"] == "tool_use"
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_thinking_text_and_tool_calls_become_blocks(gateway, stream):
    gateway.fakes.llm.script = script(
        pb.CompletionEvent(thinking=pb.ThinkingDelta(text="hm", signature="sig")),
        text("ok"),
        call(0, id="toolu_1", name="f", arguments='{"a":1}'),
        call(1, id="toolu_2", name="g"),
        reason="tool_calls",
    )
    async with sdk(gateway) as client:
        if stream:
            async with client.messages.stream(**ASK, tools=[TOOL]) as events:
                message = await events.get_final_message()
        else:
            message = await client.messages.create(**ASK, tools=[TOOL])
    thinking, said, first, second = message.content
    assert (thinking.thinking, thinking.signature, said.text) == ("hm", "sig", "ok")
    assert (first.id, first.name, first.input) == ("toolu_1", "f", {"a": 1})
    assert (second.id, second.name, second.input) == ("toolu_2", "g", {})
    assert message.stop_reason == "tool_use"


async def test_tool_calls_whose_pieces_come_in_turns_are_not_mixed(gateway):
    gateway.fakes.llm.script = script(
        call(0, id="a", name="f", arguments='{"a":'),
        call(1, id="b", name="f", arguments='{"a":'),
        call(0, arguments="1}"),
        call(1, arguments="2}"),
        reason="tool_calls",
    )
    async with sdk(gateway) as client, client.messages.stream(**ASK) as stream:
        message = await stream.get_final_message()
    assert [(block.id, block.input) for block in message.content] == [("a", {"a": 1}), ("b", {"a": 2})]


async def test_redacted_thinking_is_a_block_of_its_own(gateway):
    redacted = pb.CompletionEvent(thinking=pb.ThinkingDelta(redacted="xyz"))
    gateway.fakes.llm.script = script(redacted, text("ok"))
    async with sdk(gateway) as client, client.messages.stream(**ASK) as stream:
        message = await stream.get_final_message()
    assert [block.type for block in message.content] == ["redacted_thinking", "text"]
    assert message.content[0].data == "xyz"


@pytest.mark.parametrize(
    ("reason", "sequence", "expected"),
    [
        ("length", "", "max_tokens"), ("stop", "END", "stop_sequence"), ("content_filter", "", "refusal"),
        ("budget_exceeded", "", "max_tokens"),
    ],
)  # fmt: skip
async def test_every_end_has_anthropics_name(gateway, reason, sequence, expected):
    gateway.fakes.llm.script = script(text("a"), reason=reason, stop_sequence=sequence)
    async with sdk(gateway) as client, client.messages.stream(**ASK) as stream:
        message = await stream.get_final_message()
    assert (message.stop_reason, message.stop_sequence) == (expected, sequence or None)


async def test_an_answer_without_content_still_has_every_event(gateway):
    gateway.fakes.llm.script = script()
    async with sdk(gateway) as client, client.messages.stream(**ASK) as stream:
        message = await stream.get_final_message()
    assert (message.content, message.stop_reason) == ([], "end_turn")


async def test_tokens_are_counted_without_max_tokens(gateway):
    async with sdk(gateway) as client:
        counted = await client.messages.count_tokens(model="m", messages=QUESTION, system="s", tools=[TOOL])
    assert counted.input_tokens == 2
    assert gateway.fakes.llm.completions[0].tools[0].name == "f"


@pytest.mark.parametrize(
    ("error", "expected", "kind"),
    [
        (InvalidArgument("no", reason="REQUEST_INVALID"), anthropic.BadRequestError, "invalid_request_error"),
        (ResourceExhausted("slow", reason="RATE", retry_after=2.5), anthropic.RateLimitError, "rate_limit_error"),
        (Unavailable("down", reason="DOWN"), anthropic.InternalServerError, "overloaded_error"),
        (Unauthenticated("vendor said 401"), anthropic.InternalServerError, "api_error"),
    ],
    ids=lambda value: getattr(value, "reason", None),
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_an_early_failure_keeps_its_status_and_has_anthropics_shape(gateway, error, expected, kind, stream):
    gateway.fakes.llm.script = [Fail(error)]
    async with sdk(gateway) as client:
        with pytest.raises(expected) as caught:
            await client.messages.create(**ASK, stream=stream)
    assert caught.value.body["error"]["type"] == kind
    assert caught.value.body["request_id"] == caught.value.request_id


async def test_a_failure_after_content_is_an_error_event(gateway):
    gateway.fakes.llm.script = [*answer_events("par")[:2], Fail(BadUpstream("cut off", reason="PROVIDER_INTERRUPTED"))]
    async with sdk(gateway) as client:
        stream = await client.messages.create(**ASK, stream=True)
        with pytest.raises(anthropic.APIStatusError, match="cut off") as caught:
            async for _ in stream:
                pass
    assert caught.value.body["error"]["type"] == "api_error"


async def test_silence_is_filled_with_pings(start_gateway, fakes):
    hang = Hang()
    fakes.llm.script = [[pb.CompletionEvent(started=STARTED)], hang]
    gateway = await start_gateway(hold_seconds=0.05, heartbeat_seconds=0.05)
    ask = {**ASK, "stream": True}
    async with gateway.client.stream("POST", "/v1/messages", headers=gateway.auth(), json=ask) as response:
        lines = response.aiter_lines()
        seen = [await asyncio.wait_for(anext(lines), HANG_SECONDS) for _ in range(6)]
    assert seen == ["event: ping", 'data: {"type":"ping"}', ""] * 2


async def test_a_client_that_leaves_cancels_the_call(gateway):
    hang = Hang()
    gateway.fakes.llm.script = [[pb.CompletionEvent(started=STARTED)], hang]
    async with sdk(gateway) as client:
        asking = asyncio.create_task(client.messages.create(**ASK, stream=True))
        await asyncio.wait_for(hang.reached.wait(), HANG_SECONDS)
        asking.cancel()
        await asyncio.wait_for(hang.left.wait(), HANG_SECONDS)


async def test_the_callers_timeout_and_idempotency_key_travel(gateway):
    async with sdk(gateway, timeout=42) as client:
        await client.messages.create(**ASK, extra_headers={"Idempotency-Key": "once"})
    assert gateway.fakes.llm.completions[0].idempotency_key == "once"
    assert 0 < gateway.fakes.llm.deadlines[0] < 43


async def test_structured_output_is_parsed_by_the_sdk(gateway):
    from pydantic import BaseModel

    class Point(BaseModel):
        x: int

    gateway.fakes.llm.script = answer_events('{"x":', " 3}")
    async with sdk(gateway) as client:
        message = await client.messages.parse(**ASK, output_format=Point)
    assert message.parsed_output == Point(x=3)
    form = gateway.fakes.llm.completions[0].response_format
    assert form.kind == pb.ResponseFormat.KIND_JSON_SCHEMA
    assert "x" in json.loads(form.schema_json)["properties"]


async def test_usage_of_a_whole_message_keeps_the_classes_apart(gateway):
    usage = Usage(input_tokens=1, cache_read_tokens=2, cache_write_tokens=3, output_tokens=4, reasoning_tokens=5)
    gateway.fakes.llm.script = answer_events("a", finished=pb.Finished(finish_reason="stop", usage=usage))
    async with sdk(gateway) as client:
        counted = (await client.messages.create(**ASK)).usage
    assert (counted.input_tokens, counted.cache_read_input_tokens, counted.cache_creation_input_tokens) == (1, 2, 3)
    assert counted.output_tokens == 9
