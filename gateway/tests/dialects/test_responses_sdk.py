"""The unmodified openai SDK against ``/v1/responses``."""

import asyncio
import json

import openai
import pytest
from penstock.llm.v1 import llm_pb2 as pb
from pydantic import BaseModel

from penstock_kit.errors import BadUpstream, ResourceExhausted
from penstock_testkit.services import Fail, Hang, answer_events
from penstock_testkit.services.llm import FINISHED, STARTED
from penstock_testkit.waiting import HANG_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOOL = {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": False}
MIXED = [
    pb.CompletionEvent(thinking=pb.ThinkingDelta(text="hm")),
    pb.CompletionEvent(thinking=pb.ThinkingDelta(text="!", signature="sig")),
    pb.CompletionEvent(text=pb.TextDelta(text="let me ")),
    pb.CompletionEvent(text=pb.TextDelta(text="see")),
    pb.CompletionEvent(annotation=pb.Annotation(url="https://example.com", title="t", end_index=3)),
    pb.CompletionEvent(tool_call=pb.ToolCallDelta(call_index=0, id="c1", name="f", arguments='{"a":')),
    pb.CompletionEvent(tool_call=pb.ToolCallDelta(call_index=0, arguments="1}")),
    pb.CompletionEvent(tool_call=pb.ToolCallDelta(call_index=1, id="c2", name="g")),
]


class Point(BaseModel):
    x: int


def sdk(gateway, **options):
    return openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0, **options)


def script(*events, reason="stop"):
    end = pb.Finished(finish_reason=reason, usage=FINISHED.usage)
    return [[pb.CompletionEvent(started=STARTED)], list(events), [pb.CompletionEvent(finished=end)]]


async def test_a_plain_response_has_text_usage_and_status(gateway):
    async with sdk(gateway) as client:
        response = await client.responses.create(model="m", input="hi", instructions="short", max_output_tokens=9)
    assert (response.output_text, response.status, response.id) == ("Hello world", "completed", "resp_ans_1")
    assert (response.instructions, response.max_output_tokens, response.store) == ("short", 9, False)
    usage = response.usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (7, 4, 11)
    assert (usage.input_tokens_details.cached_tokens, usage.output_tokens_details.reasoning_tokens) == (2, 1)
    asked = gateway.fakes.llm.completions[0]
    assert [(entry.role, entry.parts[0].text) for entry in asked.messages] == [
        (pb.ROLE_SYSTEM, "short"),
        (pb.ROLE_USER, "hi"),
    ]
    assert (asked.surface, asked.sampling.max_output_tokens) == ("responses", 9)


async def test_a_streamed_response_is_put_together_by_the_sdk(gateway):
    async with sdk(gateway) as client, client.responses.stream(model="m", input="hi") as stream:
        deltas = [event.delta async for event in stream if event.type == "response.output_text.delta"]
        response = await stream.get_final_response()
    assert deltas == ["Hello", " world"]
    assert (response.output_text, response.status, response.usage.total_tokens) == ("Hello world", "completed", 11)


async def test_the_events_of_a_stream_come_in_openais_order(gateway):
    gateway.fakes.llm.script = script(*MIXED, reason="tool_calls")
    async with sdk(gateway) as client:
        events = [event async for event in await client.responses.create(model="m", input="hi", stream=True)]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.type.removeprefix("response.") for event in events] == [
        "created", "in_progress",
        "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta",
        "reasoning_summary_text.delta", "reasoning_summary_text.done", "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added", "content_part.added", "output_text.delta", "output_text.delta",
        "output_text.annotation.added", "output_text.done", "content_part.done", "output_item.done",
        "output_item.added", "function_call_arguments.delta", "function_call_arguments.delta",
        "function_call_arguments.done", "output_item.done",
        "output_item.added", "function_call_arguments.done", "output_item.done",
        "completed",
    ]  # fmt: skip


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_reasoning_text_and_calls_become_items(gateway, stream):
    gateway.fakes.llm.script = script(*MIXED, reason="tool_calls")
    async with sdk(gateway) as client:
        if stream:
            async with client.responses.stream(model="m", input="hi", tools=[TOOL]) as events:
                response = await events.get_final_response()
        else:
            response = await client.responses.create(model="m", input="hi", tools=[TOOL])
    reasoning, message, first, second = response.output
    assert (reasoning.summary[0].text, reasoning.encrypted_content) == ("hm!", "sig")
    assert (message.content[0].text, message.role) == ("let me see", "assistant")
    assert (first.call_id, first.name, first.arguments) == ("c1", "f", '{"a":1}')
    assert (second.call_id, second.name, second.arguments) == ("c2", "g", "{}")
    assert response.tools[0].name == "f"


async def test_an_answer_goes_back_in_as_the_input_of_the_next_turn(gateway):
    gateway.fakes.llm.script = script(*MIXED, reason="tool_calls")
    async with sdk(gateway) as client:
        response = await client.responses.create(model="m", input="hi", tools=[TOOL])
        result = {"type": "function_call_output", "call_id": "c1", "output": "42"}
        turn = [{"role": "user", "content": "hi"}, *response.output, result]
        await client.responses.create(model="m", input=turn, tools=[TOOL])
    user, assistant, tool = gateway.fakes.llm.completions[1].messages
    assert (user.parts[0].text, tool.parts[0].text, tool.tool_call_id) == ("hi", "42", "c1")
    assert (assistant.parts[0].thinking.text, assistant.parts[0].thinking.signature) == ("hm!", "sig")
    assert assistant.parts[1].text == "let me see"
    assert [(call.id, call.arguments_json) for call in assistant.tool_calls] == [("c1", '{"a":1}'), ("c2", "{}")]


async def test_calls_whose_pieces_come_in_turns_are_not_mixed(gateway):
    pieces = [(0, "a", "f", '{"a":'), (1, "b", "f", '{"a":'), (0, "", "", "1}"), (1, "", "", "2}")]
    deltas = [pb.ToolCallDelta(call_index=n, id=i, name=name, arguments=text) for n, i, name, text in pieces]
    gateway.fakes.llm.script = script(*(pb.CompletionEvent(tool_call=delta) for delta in deltas), reason="tool_calls")
    async with sdk(gateway) as client, client.responses.stream(model="m", input="hi") as stream:
        response = await stream.get_final_response()
    assert [(item.call_id, item.arguments) for item in response.output] == [("a", '{"a":1}'), ("b", '{"a":2}')]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_refusal_is_a_part_of_the_message(gateway, stream):
    gateway.fakes.llm.script = script(pb.CompletionEvent(refusal=pb.TextDelta(text="no")))
    async with sdk(gateway) as client:
        if stream:
            async with client.responses.stream(model="m", input="hi") as events:
                response = await events.get_final_response()
        else:
            response = await client.responses.create(model="m", input="hi")
    assert [part.refusal for part in response.output[0].content] == ["no"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("reason", "detail"),
    [("length", "max_output_tokens"), ("content_filter", "content_filter"), ("budget_exceeded", "max_output_tokens")],
)
async def test_an_answer_that_was_cut_is_incomplete_and_says_why(gateway, stream, reason, detail):
    gateway.fakes.llm.script = script(pb.CompletionEvent(text=pb.TextDelta(text="a")), reason=reason)
    async with sdk(gateway) as client:
        if stream:
            events = [event async for event in await client.responses.create(model="m", input="hi", stream=True)]
            assert events[-1].type == "response.incomplete"
            response = events[-1].response
        else:
            response = await client.responses.create(model="m", input="hi")
    assert (response.status, response.incomplete_details.reason) == ("incomplete", detail)
    assert response.output_text == "a"


async def test_structured_output_is_parsed_by_the_sdk(gateway):
    gateway.fakes.llm.script = answer_events('{"x":', " 3}")
    async with sdk(gateway) as client:
        whole = await client.responses.parse(model="m", input="hi", text_format=Point)
        async with client.responses.stream(model="m", input="hi", text_format=Point) as stream:
            streamed = await stream.get_final_response()
    assert whole.output_parsed == streamed.output_parsed == Point(x=3)
    form = gateway.fakes.llm.completions[0].response_format
    assert (form.kind, form.name, form.strict) == (pb.ResponseFormat.KIND_JSON_SCHEMA, "Point", True)
    assert "x" in json.loads(form.schema_json)["properties"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_an_early_failure_keeps_its_status(gateway, stream):
    gateway.fakes.llm.script = [Fail(ResourceExhausted("slow down", reason="RATE", retry_after=2.5))]
    async with sdk(gateway) as client:
        with pytest.raises(openai.RateLimitError) as caught:
            await client.responses.create(model="m", input="hi", stream=stream)
    assert caught.value.response.headers["retry-after-ms"] == "2500"


async def test_a_failure_after_content_is_a_failed_response_and_an_error(gateway):
    gateway.fakes.llm.script = [*answer_events("par")[:2], Fail(BadUpstream("cut", reason="PROVIDER_INTERRUPTED"))]
    seen = []
    async with sdk(gateway) as client:
        stream = await client.responses.create(model="m", input="hi", stream=True)
        with pytest.raises(openai.APIError, match="cut") as caught:
            async for event in stream:
                seen.append(event)
    assert caught.value.code == "provider_interrupted"
    assert (seen[-1].type, seen[-1].response.error.code) == ("response.failed", "server_error")
    assert seen[-1].response.output[0].content[0].text == "par"


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"input": "hi", "previous_response_id": "resp_1"}, "previous_response_id", "previous_response_not_found"),
        ({"input": "hi", "background": True}, "background", "request_invalid"),
        ({"input": []}, "input", "request_invalid"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type", "request_invalid"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input[0].role", "request_invalid"),
        ({"input": "hi", "tools": [{"type": "custom"}]}, "tools[0].name", "request_invalid"),
        ({"input": "hi", "tool_choice": "maybe"}, "tool_choice", "request_invalid"),
        ({"input": "hi", "text": {"format": {"type": "xml"}}}, "text.format.type", "request_invalid"),
    ],
    ids=str,
)
async def test_what_cannot_be_done_is_named(gateway, body, param, code):
    async with sdk(gateway) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.responses.create(model="m", **body)
    assert (caught.value.param, caught.value.code) == (param, code)


async def test_every_knob_finds_its_place(gateway):
    async with sdk(gateway, timeout=42) as client:
        await client.responses.create(
            model="m", temperature=0.5, top_p=0.9, parallel_tool_calls=False, reasoning={"effort": "low"},
            safety_identifier="u", tools=[TOOL, {**TOOL, "name": "g"}], include=["message.output_text.logprobs"],
            tool_choice={"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "g"}]},
            store=True, service_tier="auto", extra_headers={"Idempotency-Key": "once"},
            input=[{
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "what?"},
                    {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "low"},
                    {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,QQ=="},
                ],
            }],
        )  # fmt: skip
    asked = gateway.fakes.llm.completions[0]
    assert (asked.sampling.temperature, asked.sampling.top_p, asked.sampling.parallel_tool_calls) == (0.5, 0.9, False)
    assert (asked.reasoning.effort, asked.end_user, asked.sampling.logprobs) == ("low", "u", True)
    assert ([tool.name for tool in asked.tools], asked.tool_choice.mode) == (["g"], pb.ToolChoice.MODE_REQUIRED)
    assert (asked.idempotency_key, asked.extra_json) == ("once", '{"service_tier":"auto"}')
    said, picture, file = asked.messages[0].parts
    assert (said.text, picture.image.url, picture.image.detail) == ("what?", "https://example.com/a.png", "low")
    assert (file.file.data, file.file.media_type, file.file.filename) == (b"A", "application/pdf", "a.pdf")
    assert 0 < gateway.fakes.llm.deadlines[0] < 43


async def test_a_client_that_leaves_cancels_the_call(gateway):
    hang = Hang()
    gateway.fakes.llm.script = [[pb.CompletionEvent(started=STARTED)], hang]
    async with sdk(gateway) as client:
        asking = asyncio.create_task(client.responses.create(model="m", input="hi", stream=True))
        await asyncio.wait_for(hang.reached.wait(), HANG_SECONDS)
        asking.cancel()
        await asyncio.wait_for(hang.left.wait(), HANG_SECONDS)
