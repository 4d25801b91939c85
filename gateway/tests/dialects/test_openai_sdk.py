"""The unmodified openai SDK against the gateway."""

import asyncio
import base64
import struct

import openai
import pytest
from penstock.llm.v1 import llm_pb2 as pb

from penstock_kit.errors import BadUpstream, ErrorKind, NotFound, ResourceExhausted, Unauthenticated
from penstock_testkit.services import Fail, Hang, answer_events
from penstock_testkit.services.llm import FINISHED, STARTED
from penstock_testkit.waiting import HANG_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUESTION = [{"role": "user", "content": "hi"}]


def sdk(gateway, **options):
    return openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0, **options)


async def test_a_plain_completion_has_text_usage_and_finish_reason(gateway):
    async with sdk(gateway) as client:
        answer = await client.chat.completions.create(model="fallback/rules", messages=QUESTION)
    assert answer.choices[0].message.content == "Hello world"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "rules"
    assert answer.id == "chatcmpl-ans_1"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (7, 4, 11)
    assert answer.usage.prompt_tokens_details.cached_tokens == 2
    assert answer.usage.completion_tokens_details.reasoning_tokens == 1


async def test_a_streamed_completion_arrives_piece_by_piece(gateway):
    async with sdk(gateway) as client:
        stream = await client.chat.completions.create(
            model="m", messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    texts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert "".join(filter(None, texts)) == "Hello world"
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens == 11


async def test_without_include_usage_no_chunk_carries_usage(gateway):
    async with sdk(gateway) as client:
        stream = await client.chat.completions.create(model="m", messages=QUESTION, stream=True)
        chunks = [chunk async for chunk in stream]
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)


async def test_the_synchronous_client_works_too(gateway):
    def ask() -> tuple[str, str]:
        with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as client:
            whole = client.chat.completions.create(model="m", messages=QUESTION)
            stream = client.chat.completions.create(model="m", messages=QUESTION, stream=True)
            pieces = [chunk.choices[0].delta.content or "" for chunk in stream]
        return whole.choices[0].message.content, "".join(pieces)

    assert await asyncio.to_thread(ask) == ("Hello world", "Hello world")


async def test_tool_calls_in_pieces_are_put_together_by_the_sdk(gateway):
    deltas = [
        pb.ToolCallDelta(call_index=0, id="call_1", name="device_query", arguments='{"dev'),
        pb.ToolCallDelta(call_index=0, arguments='ice":1}'),
        pb.ToolCallDelta(call_index=1, id="call_2", name="list_devices", arguments="{}"),
    ]
    finished = pb.Finished(finish_reason="tool_calls", usage=FINISHED.usage)
    gateway.fakes.llm.script = [
        [pb.CompletionEvent(started=STARTED)],
        [pb.CompletionEvent(tool_call=delta) for delta in deltas],
        [pb.CompletionEvent(finished=finished)],
    ]
    async with sdk(gateway) as client, client.chat.completions.stream(model="m", messages=QUESTION) as stream:
        answer = await stream.get_final_completion()
    calls = answer.choices[0].message.tool_calls
    assert [(call.id, call.function.name, call.function.arguments) for call in calls] == [
        ("call_1", "device_query", '{"device":1}'),
        ("call_2", "list_devices", "{}"),
    ]
    assert answer.choices[0].finish_reason == "tool_calls"


async def test_models_are_listed_and_found_by_alias(gateway):
    async with sdk(gateway) as client:
        models = [model.id async for model in client.models.list()]
        found = await client.models.retrieve("default")
    assert models == ["fallback/rules"]
    assert found.id == "fallback/rules"


async def test_the_request_reaches_the_service_with_its_caller_and_deadline(gateway):
    async with sdk(gateway, timeout=42) as client:
        await client.chat.completions.create(
            model="openai/gpt-5",
            messages=[{"role": "system", "content": "short"}, *QUESTION],
            temperature=0.5, stop="END", max_completion_tokens=9, seed=7, user="u-1",
            response_format={"type": "json_object"}, logit_bias={"5": 1},
        )  # fmt: skip
    asked, caller = gateway.fakes.llm.completions[0], gateway.fakes.llm.callers[0]
    assert asked.model == "openai/gpt-5"
    assert [message.role for message in asked.messages] == [pb.ROLE_SYSTEM, pb.ROLE_USER]
    assert (asked.sampling.temperature, list(asked.sampling.stop)) == (0.5, ["END"])
    assert (asked.sampling.max_output_tokens, asked.sampling.seed, asked.end_user) == (9, 7, "u-1")
    assert asked.response_format.kind == pb.ResponseFormat.KIND_JSON_OBJECT
    assert asked.extra_json == '{"logit_bias":{"5":1}}'
    assert caller.tenant_id == "default" and caller.key_id.startswith("key_")
    assert 0 < gateway.fakes.llm.deadlines[0] < 43


@pytest.mark.parametrize(
    ("error", "expected", "status"),
    [
        (NotFound("no model 'x'", reason="MODEL_NOT_FOUND"), openai.NotFoundError, 404),
        (ResourceExhausted("slow down", reason="RATE", retry_after=2.5), openai.RateLimitError, 429),
        (BadUpstream("provider failed", reason="PROVIDER_FAILED"), openai.InternalServerError, 502),
        (Unauthenticated("vendor said 401"), openai.InternalServerError, 502),
    ],
    ids=lambda value: getattr(value, "reason", None),
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_an_early_failure_keeps_its_status(gateway, error, expected, status, stream):
    gateway.fakes.llm.script = [Fail(error)]
    async with sdk(gateway) as client:
        with pytest.raises(expected) as caught:
            await client.chat.completions.create(model="m", messages=QUESTION, stream=stream)
    assert caught.value.status_code == status
    assert caught.value.request_id
    if error.kind is ErrorKind.RESOURCE_EXHAUSTED:
        assert caught.value.response.headers["retry-after-ms"] == "2500"


async def test_a_failure_after_content_is_an_error_frame(gateway):
    gateway.fakes.llm.script = [*answer_events("par")[:2], Fail(BadUpstream("cut", reason="PROVIDER_INTERRUPTED"))]
    async with sdk(gateway) as client:
        stream = await client.chat.completions.create(model="m", messages=QUESTION, stream=True)
        with pytest.raises(openai.APIError, match="cut") as caught:
            async for _ in stream:
                pass
    assert caught.value.code == "provider_interrupted"


async def test_an_end_without_a_finish_reason_is_an_error_frame(gateway):
    gateway.fakes.llm.script = answer_events("par")[:2]
    async with sdk(gateway) as client:
        stream = await client.chat.completions.create(model="m", messages=QUESTION, stream=True)
        with pytest.raises(openai.APIError, match="finish reason"):
            async for _ in stream:
                pass


async def test_a_wrong_key_is_an_authentication_error(gateway):
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="psk_wrong", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            await client.chat.completions.create(model="m", messages=QUESTION)
    assert caught.value.code == "invalid_api_key"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_client_that_leaves_cancels_the_call(gateway, stream):
    hang = Hang()
    gateway.fakes.llm.script = [[pb.CompletionEvent(started=STARTED)], hang]
    async with sdk(gateway) as client:
        asking = asyncio.create_task(client.chat.completions.create(model="m", messages=QUESTION, stream=stream))
        await asyncio.wait_for(hang.reached.wait(), HANG_SECONDS)
        asking.cancel()
        await asyncio.wait_for(hang.left.wait(), HANG_SECONDS)


async def test_heartbeats_before_the_first_content_do_not_disturb_the_sdk(start_gateway, fakes):
    gateway = await start_gateway(hold_seconds=0.05, heartbeat_seconds=0.05)
    go = asyncio.Event()
    from penstock_testkit.services import Wait

    script = answer_events("late")
    fakes.llm.script = [script[0], Wait(go), *script[1:]]
    async with sdk(gateway) as client:
        stream = await client.chat.completions.create(model="m", messages=QUESTION, stream=True)
        reading = asyncio.create_task(stream.__anext__())
        asyncio.get_running_loop().call_later(0.2, go.set)
        first = await asyncio.wait_for(reading, HANG_SECONDS)
        rest = [chunk async for chunk in stream]
    assert first.choices[0].delta.content == "late"
    assert rest[-1].choices[0].finish_reason == "stop"


@pytest.mark.parametrize("form", ["float", "base64", None], ids=str)
async def test_embeddings_come_as_floats_and_base64(gateway, form):
    options = {} if form is None else {"encoding_format": form}
    async with sdk(gateway) as client:
        answer = await client.embeddings.create(model="fallback/hashing", input=["a", "b"], dimensions=2, **options)
    vectors = [entry.embedding for entry in answer.data]
    if form == "base64":
        vectors = [list(struct.unpack("<2f", base64.b64decode(vector))) for vector in vectors]
    assert vectors == [[0.5, 0.0], [0.5, 1.0]]
    assert answer.usage.total_tokens == 2
    assert gateway.fakes.llm.requests[0].dimensions == 2


@pytest.mark.parametrize(
    ("given", "texts", "tokens"),
    [("a", ["a"], []), (["a", "b"], ["a", "b"], []), ([1, 2], [], [[1, 2]]), ([[1], [2, 3]], [], [[1], [2, 3]])],
)
async def test_embedding_inputs_may_be_texts_or_tokens(gateway, given, texts, tokens):
    async with sdk(gateway) as client:
        await client.embeddings.create(model="m", input=given)
    asked = gateway.fakes.llm.requests[0]
    assert list(asked.inputs) == texts
    assert [list(entry.tokens) for entry in asked.token_inputs] == tokens


@pytest.mark.parametrize("given", [[], [1, "a"], [True], 5, [[]], ["a"] * 2049], ids=lambda value: str(value)[:12])
async def test_a_wrong_embedding_input_is_named(gateway, given):
    async with sdk(gateway) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.embeddings.create(model="m", input=given)
    assert caught.value.param == "input"
