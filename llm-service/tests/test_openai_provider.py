"""The openai dialect, through the official SDK, against a server that speaks OpenAI's wire format."""

import struct
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace

import pytest

from llm_service.domain.model.completion import fold
from llm_service.domain.model.event import Finished, FinishReason, Started, TextDelta, ThinkingDelta, ToolCallDelta
from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.message import ImagePart, Message, Role, TextPart, ToolCall, text_message
from llm_service.domain.model.profile import ProviderProfile
from llm_service.domain.model.provider import EmbeddingRequest
from llm_service.domain.model.request import (
    CompletionRequest,
    Reasoning,
    ResponseForm,
    ResponseFormat,
    Sampling,
    ToolDefinition,
)
from llm_service.domain.model.usage import Usage
from llm_service.providers.openai import OpenAiProvider
from llm_service.testing import collected, question, text_of
from penstock_kit.errors import ErrorKind
from penstock_testkit.clock import ManualClock
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import FakeToolCall, FakeUsage, Reply
from penstock_testkit.waiting import HANG_SECONDS

THING = ResponseFormat(form=ResponseForm.JSON_SCHEMA, name="thing", schema='{"type": "object"}', strict=True)
TOOL = ToolDefinition(name="look", description="Looks.", parameters='{"type": "object", "properties": {}}')


@pytest.fixture
async def provider(
    profile: ProviderProfile, clock: ManualClock, new_id: Callable[[str], str]
) -> AsyncIterator[OpenAiProvider]:
    made = OpenAiProvider(profile, clock=clock, new_id=new_id, connect_timeout=HANG_SECONDS)
    yield made
    await made.close()


async def test_a_streamed_answer_arrives_in_pieces_with_usage(provider: OpenAiProvider, vendor: OpenAiServer) -> None:
    vendor.script(Reply(chunks=("po", "n", "g"), usage=FakeUsage(prompt=11, completion=3)))
    events = await collected(provider.stream(question(model="m1")))
    started, finished = events[0], events[-1]
    assert isinstance(started, Started)
    assert (started.provider, started.model, started.id) == ("openai", "m1", "chatcmpl-fake")
    assert text_of(events) == "pong"
    assert isinstance(finished, Finished)
    assert (finished.reason, finished.usage) == (FinishReason.STOP, Usage(input=11, output=3))
    assert vendor.received[0].body["stream_options"] == {"include_usage": True}


async def test_an_answer_at_once_is_the_same_as_the_streamed_one(
    provider: OpenAiProvider, vendor: OpenAiServer
) -> None:
    vendor.default = Reply(thinking=("hm",), chunks=("po", "ng"), usage=FakeUsage(prompt=9, completion=4, reasoning=2))
    streamed = await fold(provider.stream(question(model="m1")))
    whole = await fold(provider.stream(question(model="m1", streaming=False)))
    assert whole == streamed
    assert "stream" not in vendor.received[1].body


async def test_the_key_goes_into_the_header(provider: OpenAiProvider, vendor: OpenAiServer) -> None:
    await collected(provider.stream(question(model="m1")))
    headers = {name.lower(): value for name, value in vendor.received[0].headers.items()}
    assert headers["authorization"] == "Bearer sk-test-0001-abcd"
    assert headers["user-agent"].startswith("AsyncOpenAI/Python")
    assert vendor.received[0].path == "/v1/chat/completions"


async def test_cached_and_reasoning_tokens_are_disjoint(provider: OpenAiProvider, vendor: OpenAiServer) -> None:
    vendor.script(Reply(usage=FakeUsage(prompt=100, cached=60, completion=50, reasoning=30)))
    answer = await fold(provider.stream(question(model="m1")))
    assert answer.finished.usage == Usage(input=40, cache_read=60, output=20, reasoning=30)


async def test_thinking_is_an_event_of_its_own(provider: OpenAiProvider, vendor: OpenAiServer) -> None:
    vendor.script(Reply(thinking=("let ", "me"), chunks=("ok",)))
    events = await collected(provider.stream(question(model="m1")))
    assert [event.text for event in events if isinstance(event, ThinkingDelta)] == ["let ", "me"]


async def test_tool_calls_arrive_in_pieces_with_name_and_id_once(
    provider: OpenAiProvider, vendor: OpenAiServer
) -> None:
    calls = (
        FakeToolCall(name="look", arguments='{"at": "the north valve"}', id="c1"),
        FakeToolCall(name="hear", arguments="{}", id="c2"),
    )
    vendor.script(Reply(tool_calls=calls, finish_reason="tool_calls"))
    events = await collected(provider.stream(question(model="m1")))
    deltas = [event for event in events if isinstance(event, ToolCallDelta)]
    assert [delta.id for delta in deltas if delta.id] == ["c1", "c2"]
    assert [delta.name for delta in deltas if delta.name] == ["look", "hear"]
    vendor.script(Reply(tool_calls=calls, finish_reason="tool_calls"))
    answer = await fold(provider.stream(question(model="m1")))
    assert [call.arguments for call in answer.first.tool_calls] == ['{"at": "the north valve"}', "{}"]
    assert answer.finished.reason is FinishReason.TOOL_CALLS


async def test_a_refusal_and_a_length_stop_are_told(provider: OpenAiProvider, vendor: OpenAiServer) -> None:
    vendor.script(Reply(chunks=(), refusal="no."), Reply(finish_reason="length"))
    assert (await fold(provider.stream(question(model="m1")))).first.refusal == "no."
    assert (await fold(provider.stream(question(model="m1")))).finished.reason is FinishReason.LENGTH


async def test_the_request_is_in_the_vendors_dialect(provider: OpenAiProvider, vendor: OpenAiServer) -> None:
    picture = ImagePart(data=b"\x89PNG", media_type="image/png", detail="low")
    request = CompletionRequest(
        model="m1",
        messages=(
            text_message(Role.SYSTEM, "be brief"),
            Message(role=Role.USER, parts=(TextPart(text="what is this?"), picture)),
            Message(role=Role.ASSISTANT, tool_calls=(ToolCall(id="c1", name="look", arguments="{}"),)),
            Message(role=Role.TOOL, tool_call_id="c1", parts=(TextPart(text="a valve"),)),
        ),
        tools=(TOOL,),
        sampling=Sampling(temperature=0.2, max_output_tokens=50, stop=("END",)),
        reasoning=Reasoning(effort="low"),
        response_format=THING,
        end_user="u7",
    )
    await collected(provider.stream(request))
    body = vendor.received[0].body
    assert body["messages"] == [
        {"role": "system", "content": "be brief"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "what is this?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw==", "detail": "low"}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "a valve"},
    ]
    assert body["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}
    assert (body["temperature"], body["max_completion_tokens"], body["stop"]) == (0.2, 50, ["END"])
    assert (body["reasoning_effort"], body["user"]) == ("low", "u7")
    assert body["response_format"]["json_schema"] == {"name": "thing", "schema": {"type": "object"}, "strict": True}


async def test_knobs_the_vendor_lacks_are_dropped_and_named(provider: OpenAiProvider, vendor: OpenAiServer) -> None:
    request = replace(
        question(model="m1"), sampling=Sampling(top_k=5, seed=1), extra={"mirostat": 2, "metadata": {"a": "b"}}
    )
    started = (await collected(provider.stream(request)))[0]
    assert isinstance(started, Started)
    assert started.dropped_params == ("top_k", "mirostat")
    body = vendor.received[0].body
    assert (body["seed"], body["metadata"]) == (1, {"a": "b"})
    assert "top_k" not in body


async def test_extra_knobs_can_not_replace_the_request(provider: OpenAiProvider, vendor: OpenAiServer) -> None:
    await collected(provider.stream(replace(question(model="m1"), extra={"model": "expensive", "messages": []})))
    assert vendor.received[0].body["model"] == "m1"


async def test_several_events_of_one_read_are_one_batch(provider: OpenAiProvider, vendor: OpenAiServer) -> None:
    vendor.script(Reply(raw=b"".join(_chunk(f'{{"content": "{word}"}}') for word in "abc") + _chunk("{}", "stop")))
    batches = [batch async for batch in provider.stream(question(model="m1"))]
    assert max(len(batch) for batch in batches) >= 4


STATUSES = [
    (400, FailureKind.BAD_REQUEST, ErrorKind.INVALID_ARGUMENT),
    (401, FailureKind.AUTH, ErrorKind.BAD_UPSTREAM),
    (403, FailureKind.UNSUPPORTED, ErrorKind.PERMISSION_DENIED),
    (404, FailureKind.UNSUPPORTED, ErrorKind.NOT_FOUND),
    (408, FailureKind.TIMEOUT, ErrorKind.DEADLINE_EXCEEDED),
    (413, FailureKind.BAD_REQUEST, ErrorKind.PAYLOAD_TOO_LARGE),
    (422, FailureKind.BAD_REQUEST, ErrorKind.INVALID_ARGUMENT),
    (429, FailureKind.RATE_LIMIT, ErrorKind.RESOURCE_EXHAUSTED),
    (500, FailureKind.SERVER, ErrorKind.BAD_UPSTREAM),
    (502, FailureKind.SERVER, ErrorKind.BAD_UPSTREAM),
    (503, FailureKind.SERVER, ErrorKind.UNAVAILABLE),
    (529, FailureKind.SERVER, ErrorKind.UNAVAILABLE),
    (302, FailureKind.PROTOCOL, ErrorKind.BAD_UPSTREAM),
]


@pytest.mark.parametrize(("status", "failure", "kind"), STATUSES)
async def test_each_status_has_its_meaning(
    provider: OpenAiProvider, vendor: OpenAiServer, status: int, failure: FailureKind, kind: ErrorKind
) -> None:
    vendor.script(Reply(status=status, error="the reason"))
    with pytest.raises(ProviderError) as caught:
        await collected(provider.stream(question(model="m1")))
    assert (caught.value.failure, caught.value.kind) == (failure, kind)
    assert len(vendor.received) == 1


async def test_the_vendors_reason_is_passed_on(provider: OpenAiProvider, vendor: OpenAiServer) -> None:
    vendor.script(Reply(status=400, error="max_tokens is too large"))
    with pytest.raises(ProviderError, match="openai answered HTTP 400: max_tokens is too large"):
        await collected(provider.stream(question(model="m1")))


async def test_what_a_vendor_says_about_our_key_is_not_passed_on(
    provider: OpenAiProvider, vendor: OpenAiServer
) -> None:
    vendor.script(Reply(status=401, error="Incorrect API key provided: sk-te***cd."))
    with pytest.raises(ProviderError) as caught:
        await collected(provider.stream(question(model="m1")))
    assert caught.value.message == "openai refused our credentials (HTTP 401)"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"retry-after": "7"}, 7.0), ({"retry-after-ms": "250"}, 0.25), ({"retry-after": "soon"}, None), ({}, None)],
)
async def test_retry_after_is_read(
    provider: OpenAiProvider, vendor: OpenAiServer, headers: dict[str, str], seconds: float | None
) -> None:
    vendor.script(Reply(status=429, headers=headers))
    with pytest.raises(ProviderError) as caught:
        await collected(provider.stream(question(model="m1")))
    assert caught.value.retry_after == seconds


async def test_a_refused_content_is_no_failure_of_the_provider(provider: OpenAiProvider, vendor: OpenAiServer) -> None:
    vendor.script(Reply(status=400, code="content_policy_violation"))
    with pytest.raises(ProviderError) as caught:
        await collected(provider.stream(question(model="m1")))
    assert caught.value.failure is FailureKind.REFUSED
    assert not caught.value.rule.counts_against_provider


def _chunk(delta: str, finish: str | None = None) -> bytes:
    reason = f'"{finish}"' if finish else "null"
    choice = f'{{"index": 0, "delta": {delta}, "finish_reason": {reason}}}'
    return f'data: {{"id": "x", "model": "m1", "created": 1, "choices": [{choice}]}}\n\n'.encode()


GARBAGE = [
    ("a stream that ends without a finish reason", Reply(finish_reason=None), FailureKind.CUT),
    ("a connection that is cut", Reply(chunks=("a", "b"), cut_after=1), FailureKind.CUT),
    ("HTML instead of an answer", Reply(raw=b"<html>502</html>", content_type="text/html"), FailureKind.PROTOCOL),
    ("an event that is no JSON", Reply(raw=b"data: {oops\n\n"), FailureKind.PROTOCOL),
    ("bytes that are no UTF-8", Reply(raw=b'data: {"x": "\xff\xfe"}\n\n'), FailureKind.PROTOCOL),
    ("a line of 10 MB", Reply(raw=b"data: no end ", raw_times=800_000), FailureKind.PROTOCOL),
    ("JSON of another shape", Reply(raw=b'data: {"choices": "none"}\n\n'), FailureKind.PROTOCOL),
    ("JSON that is a list", Reply(raw=b"data: []\n\n"), FailureKind.PROTOCOL),
    ("an error in the stream", Reply(error_after=1, error="overloaded"), FailureKind.SERVER),
]


@pytest.mark.parametrize(("what", "reply", "failure"), GARBAGE, ids=[what for what, _, _ in GARBAGE])
async def test_a_broken_answer_is_an_error_and_never_a_silent_end(
    provider: OpenAiProvider, vendor: OpenAiServer, what: str, reply: Reply, failure: FailureKind
) -> None:
    vendor.script(reply)
    with pytest.raises(ProviderError) as caught:
        await collected(provider.stream(question(model="m1")))
    assert caught.value.failure is failure


@pytest.mark.parametrize(
    ("reply", "failure"),
    [(Reply(cut_after=0), FailureKind.CUT), (Reply(raw=b"<html>"), FailureKind.PROTOCOL)],
)
async def test_a_broken_answer_at_once_is_an_error_too(
    provider: OpenAiProvider, vendor: OpenAiServer, reply: Reply, failure: FailureKind
) -> None:
    vendor.script(reply)
    with pytest.raises(ProviderError) as caught:
        await collected(provider.stream(question(model="m1", streaming=False)))
    assert caught.value.failure is failure


async def test_nobody_listening_is_a_connect_failure(
    profile: ProviderProfile, clock: ManualClock, new_id: Callable[[str], str]
) -> None:
    nowhere = OpenAiProvider(
        replace(profile, base_url="http://127.0.0.1:9/v1"), clock=clock, new_id=new_id, connect_timeout=HANG_SECONDS
    )
    with pytest.raises(ProviderError) as caught:
        await collected(nowhere.stream(question(model="m1")))
    assert caught.value.failure is FailureKind.CONNECT
    with pytest.raises(ProviderError) as caught:
        await nowhere.list_models()
    assert caught.value.failure is FailureKind.CONNECT
    await nowhere.close()


async def test_leaving_closes_the_vendors_call_at_once(provider: OpenAiProvider, vendor: OpenAiServer) -> None:
    vendor.script(Reply(chunks=("a", "b"), hang_after=1))
    async with aclosing(provider.stream(question(model="m1"))) as batches:
        async for batch in batches:
            if any(isinstance(event, TextDelta) for event in batch):
                break
    await vendor.wait_abandoned()


async def test_embeddings_come_as_little_endian_floats(provider: OpenAiProvider, vendor: OpenAiServer) -> None:
    vectors = await provider.embed(EmbeddingRequest(model="e1", inputs=("a", "b"), dimensions=3))
    assert [struct.unpack("<3f", values) for values in vectors.values] == [(0.0, 0.5, 0.5), (1.0, 0.5, 0.5)]
    assert vectors.usage == Usage(input=2)
    assert vendor.received[0].body["encoding_format"] == "base64"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"object": "chat.completion", "choices": []},
        {"object": "list", "data": None, "usage": {"prompt_tokens": 1}},
        {"object": "list", "data": [], "usage": {"prompt_tokens": 1}},
        {"object": "list", "data": [{"index": 0}], "usage": {"prompt_tokens": 1}},
        {"object": "list", "data": [{"index": 0, "embedding": ["x"]}], "usage": {"prompt_tokens": 1}},
        {"object": "list", "data": [{"index": 0, "embedding": "AAAA"}]},
        [],
        "vectors",
    ],
)
async def test_an_answer_without_vectors_is_the_vendors_failure(
    provider: OpenAiProvider, vendor: OpenAiServer, answer: object
) -> None:
    vendor.odd_embeddings = answer
    with pytest.raises(ProviderError) as caught:
        await provider.embed(EmbeddingRequest(model="e1", inputs=("a",)))
    assert caught.value.failure is FailureKind.PROTOCOL


async def test_embeddings_of_token_ids_are_passed_on(provider: OpenAiProvider, vendor: OpenAiServer) -> None:
    vectors = await provider.embed(EmbeddingRequest(model="e1", token_inputs=((1, 2), (3,))))
    assert len(vectors.values) == 2
    assert vendor.received[0].body["input"] == [[1, 2], [3]]


async def test_models_are_listed(provider: OpenAiProvider) -> None:
    assert [model.id for model in await provider.list_models()] == ["fake-model"]


async def test_a_wrong_key_fails_embeddings_and_models_alike(
    profile: ProviderProfile, clock: ManualClock, new_id: Callable[[str], str]
) -> None:
    async with OpenAiServer(key="sk-right") as server:
        wrong = OpenAiProvider(
            replace(profile, base_url=server.base_url), clock=clock, new_id=new_id, connect_timeout=HANG_SECONDS
        )
        with pytest.raises(ProviderError) as caught:
            await wrong.embed(EmbeddingRequest(model="e1", inputs=("a",)))
        assert caught.value.failure is FailureKind.AUTH
        with pytest.raises(ProviderError) as caught:
            await wrong.list_models()
        assert caught.value.failure is FailureKind.AUTH
        await wrong.close()
