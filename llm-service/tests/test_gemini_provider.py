"""Gemini's dialect, and the official SDK, against a server that speaks Gemini's wire format."""

import json
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace

import aiohttp
import pytest
from google import genai
from google.genai import types

from llm_service.domain.model.completion import fold
from llm_service.domain.model.event import (
    Finished,
    FinishReason,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
)
from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.message import Message, Role, TextPart, ThinkingPart
from llm_service.domain.model.profile import ProviderProfile
from llm_service.domain.model.provider import EmbeddingRequest
from llm_service.domain.model.usage import Usage
from llm_service.providers.gemini import GeminiProvider
from llm_service.testing import collected, question, text_of
from penstock_kit.errors import ErrorKind
from penstock_testkit.clock import ManualClock
from penstock_testkit.vendors.gemini_server import GeminiServer
from penstock_testkit.vendors.reply import FakeToolCall, FakeUsage, Reply

MODEL = "gemini-3.8-flash"
KEY = "AIza-test-0001"
CALLS = (
    FakeToolCall(name="look", arguments='{"at":"the north valve"}', id="f1"),
    FakeToolCall(name="hear", arguments="{}", id=""),
)


@pytest.fixture
async def google() -> AsyncIterator[GeminiServer]:
    async with GeminiServer(key=KEY) as server:
        yield server


@pytest.fixture
def row(google: GeminiServer) -> ProviderProfile:
    return ProviderProfile(name="gemini", dialect="gemini", models=(MODEL,), base_url=google.base_url, keys=(KEY,))


@pytest.fixture
async def provider(
    row: ProviderProfile, clock: ManualClock, new_id: Callable[[str], str]
) -> AsyncIterator[GeminiProvider]:
    made = GeminiProvider(row, clock=clock, new_id=new_id, connect_timeout=60)
    yield made
    await made.close()


async def test_the_fake_vendor_satisfies_the_official_client(google: GeminiServer) -> None:
    google.default = Reply(thinking=("hm",), tool_calls=CALLS[:1], signature="cHJvb2Y=", finish_reason="tool_calls")
    async with aiohttp.ClientSession() as session:
        options = types.HttpOptions(base_url=google.base_url, aiohttp_client=session)
        client = genai.Client(enterprise=False, api_key=KEY, http_options=options)
        chunks = [chunk async for chunk in await client.aio.models.generate_content_stream(model=MODEL, contents="hi")]
        client.close()
    parts = [part for chunk in chunks for part in chunk.candidates[0].content.parts]
    assert [part.text for part in parts if part.text] == ["hm", "po", "ng"]
    assert [part.function_call.name for part in parts if part.function_call] == ["look"]
    assert chunks[-1].candidates[0].finish_reason == "STOP"


async def test_a_streamed_answer_arrives_in_pieces_with_usage(provider: GeminiProvider, google: GeminiServer) -> None:
    google.script(Reply(chunks=("po", "n", "g"), usage=FakeUsage(prompt=11, completion=3)))
    events = await collected(provider.stream(question(model=MODEL)))
    started, finished = events[0], events[-1]
    assert isinstance(started, Started)
    assert (started.provider, started.model, started.id) == ("gemini", MODEL, "resp-fake")
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["po", "n", "g"]
    assert isinstance(finished, Finished)
    assert (finished.reason, finished.usage) == (FinishReason.STOP, Usage(input=11, output=3))


async def test_the_key_is_in_a_header_and_never_in_the_url(provider: GeminiProvider, google: GeminiServer) -> None:
    await collected(provider.stream(question(model=MODEL)))
    await provider.embed(EmbeddingRequest(model="e", inputs=("a",)))
    await provider.count_tokens(question(model=MODEL))
    for received in google.received:
        headers = {name.lower(): value for name, value in received.headers.items()}
        assert headers["x-goog-api-key"] == KEY
        assert KEY not in received.path
    assert google.received[0].path == f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"


async def test_an_answer_at_once_is_the_same_as_the_streamed_one(
    provider: GeminiProvider, google: GeminiServer
) -> None:
    google.default = Reply(
        thinking=("h", "m"), signature="cHI=", tool_calls=CALLS[:1], finish_reason="tool_calls", usage=FakeUsage()
    )
    streamed = await fold(provider.stream(question(model=MODEL)))
    whole = await fold(provider.stream(question(model=MODEL, streaming=False)))
    assert whole == streamed


async def test_cached_tokens_and_thoughts_are_disjoint(provider: GeminiProvider, google: GeminiServer) -> None:
    google.script(Reply(usage=FakeUsage(prompt=100, cached=60, completion=50, reasoning=30)))
    answer = await fold(provider.stream(question(model=MODEL)))
    assert answer.finished.usage == Usage(input=40, cache_read=60, output=20, reasoning=30)


async def test_several_calls_are_told_with_arguments_and_ids(provider: GeminiProvider, google: GeminiServer) -> None:
    google.script(Reply(chunks=(), tool_calls=CALLS, signature="cHI=", finish_reason="tool_calls"))
    events = await collected(provider.stream(question(model=MODEL)))
    assert [event for event in events if isinstance(event, ToolCallDelta)] == [
        ToolCallDelta(call_index=0, id="f1", name="look", arguments='{"at":"the north valve"}'),
        ToolCallDelta(call_index=1, id="call_000001", name="hear", arguments="{}"),
    ]
    assert isinstance(events[-1], Finished)
    assert events[-1].reason is FinishReason.TOOL_CALLS


async def test_the_signature_of_a_call_comes_back_with_it_in_the_next_turn(
    provider: GeminiProvider, google: GeminiServer
) -> None:
    google.script(
        Reply(chunks=(), thinking=("hm",), tool_calls=CALLS[:1], signature="cHI=", finish_reason="tool_calls")
    )
    asked = question(model=MODEL)
    answer = await fold(provider.stream(asked))
    said = Message(
        role=Role.ASSISTANT,
        parts=(ThinkingPart(text=answer.first.thinking, signature=answer.first.signature),),
        tool_calls=answer.first.tool_calls,
    )
    result = Message(role=Role.TOOL, tool_call_id="f1", parts=(TextPart(text='{"open": true}'),))
    await collected(provider.stream(replace(asked, messages=(*asked.messages, said, result))))
    turns = google.received[1].body["contents"]
    call = {"id": "f1", "name": "look", "args": {"at": "the north valve"}}
    assert turns[1] == {"role": "model", "parts": [{"functionCall": call, "thoughtSignature": "cHI="}]}
    response = {"id": "f1", "name": "look", "response": {"open": True}}
    assert turns[2] == {"role": "user", "parts": [{"functionResponse": response}]}


async def test_the_signature_of_a_text_comes_at_its_end(provider: GeminiProvider, google: GeminiServer) -> None:
    google.script(Reply(signature="cHI="))
    events = await collected(provider.stream(question(model=MODEL)))
    assert events[-2] == ThinkingDelta(signature="gemini:cHI=")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("stop", FinishReason.STOP),
        ("length", FinishReason.LENGTH),
        ("content_filter", FinishReason.CONTENT_FILTER),
        ("RECITATION", FinishReason.CONTENT_FILTER),
        ("A_NEW_ONE", FinishReason.STOP),
    ],
)
async def test_each_finish_reason_has_its_meaning(
    provider: GeminiProvider, google: GeminiServer, said: str, reason: FinishReason
) -> None:
    google.script(Reply(finish_reason=said))
    assert (await fold(provider.stream(question(model=MODEL)))).finished.reason is reason


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_blocked_prompt_ends_as_filtered_content(
    provider: GeminiProvider, google: GeminiServer, streaming: bool
) -> None:
    google.script(Reply(refusal="SAFETY", usage=FakeUsage(prompt=7, completion=0)))
    events = await collected(provider.stream(question(model=MODEL, streaming=streaming)))
    assert events[-2] == RefusalDelta(text="the prompt was blocked (SAFETY)")
    assert isinstance(events[-1], Finished)
    assert (events[-1].reason, events[-1].usage) == (FinishReason.CONTENT_FILTER, Usage(input=7))


async def test_log_probabilities_come_in_openais_form(provider: GeminiProvider, google: GeminiServer) -> None:
    token = {"token": "po", "logProbability": -0.5}
    found = {"chosenCandidates": [token], "topCandidates": [{"candidates": [token]}]}
    google.script(Reply(chunks=("po",), logprobs=found))
    events = await collected(provider.stream(question(model=MODEL)))
    texts = [event for event in events if isinstance(event, TextDelta)]
    content = json.loads(texts[0].logprobs_json)["content"]
    assert (content[0]["token"], content[0]["logprob"], len(content[0]["top_logprobs"])) == ("po", -0.5, 1)


ERRORS = [
    (Reply(status=400, error="bad"), FailureKind.BAD_REQUEST, None),
    (Reply(status=400, error="API key not valid", code="API_KEY_INVALID"), FailureKind.AUTH, None),
    (Reply(status=400, error="User location is not supported"), FailureKind.UNSUPPORTED, None),
    (Reply(status=403), FailureKind.UNSUPPORTED, None),
    (Reply(status=404), FailureKind.UNSUPPORTED, None),
    (Reply(status=429, code="34.5s"), FailureKind.RATE_LIMIT, 34.5),
    (Reply(status=429, code="34.5s", headers={"retry-after": "2"}), FailureKind.RATE_LIMIT, 2.0),
    (Reply(status=500), FailureKind.SERVER, None),
    (Reply(status=503, code="4s"), FailureKind.SERVER, 4.0),
    (Reply(status=504), FailureKind.TIMEOUT, None),
    (Reply(status=302), FailureKind.PROTOCOL, None),
]


@pytest.mark.parametrize(("reply", "failure", "wait"), ERRORS)
async def test_each_error_has_its_meaning_and_its_wait(
    provider: GeminiProvider, google: GeminiServer, reply: Reply, failure: FailureKind, wait: float | None
) -> None:
    google.script(reply)
    with pytest.raises(ProviderError) as caught:
        await collected(provider.stream(question(model=MODEL)))
    assert (caught.value.failure, caught.value.retry_after) == (failure, wait)


async def test_a_prompt_that_is_too_long_is_told_as_such(provider: GeminiProvider, google: GeminiServer) -> None:
    error = "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576)."
    google.script(Reply(status=400, error=error))
    with pytest.raises(ProviderError) as caught:
        await collected(provider.stream(question(model=MODEL)))
    assert caught.value.reason == "CONTEXT_LIMIT_EXCEEDED"


BROKEN = [
    ("a stream that ends without a finish reason", Reply(finish_reason=None), FailureKind.CUT),
    ("a connection that is cut", Reply(chunks=("a", "b"), cut_after=1), FailureKind.CUT),
    ("HTML instead of an answer", Reply(raw=b"<html>502</html>", content_type="text/html"), FailureKind.PROTOCOL),
    ("an event that is no JSON", Reply(raw=b"data: {oops\n\n"), FailureKind.PROTOCOL),
    ("bytes that are no UTF-8", Reply(raw=b'data: {"x": "\xff\xfe"}\n\n'), FailureKind.PROTOCOL),
    ("a line of 10 MB", Reply(raw=b"data: no end ", raw_times=800_000), FailureKind.PROTOCOL),
    ("JSON of another shape", Reply(raw=b'data: {"candidates": 5}\n\n'), FailureKind.PROTOCOL),
    ("JSON that is a list", Reply(raw=b"data: []\n\n"), FailureKind.PROTOCOL),
    ("an error in the stream", Reply(error_after=1, error="overloaded"), FailureKind.SERVER),
    ("a call the model wrote badly", Reply(finish_reason="MALFORMED_FUNCTION_CALL"), FailureKind.SERVER),
]


@pytest.mark.parametrize(("what", "reply", "failure"), BROKEN, ids=[what for what, _, _ in BROKEN])
async def test_a_broken_answer_is_an_error_and_never_a_silent_end(
    provider: GeminiProvider, google: GeminiServer, what: str, reply: Reply, failure: FailureKind
) -> None:
    google.script(reply)
    with pytest.raises(ProviderError) as caught:
        await collected(provider.stream(question(model=MODEL)))
    assert caught.value.failure is failure


async def test_a_list_of_one_error_is_read_too(provider: GeminiProvider, google: GeminiServer) -> None:
    body = b'[{"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}}]'
    google.script(Reply(raw=body, content_type="application/json"))
    with pytest.raises(ProviderError):
        await collected(provider.stream(question(model=MODEL)))


async def test_leaving_closes_the_vendors_call_at_once(provider: GeminiProvider, google: GeminiServer) -> None:
    google.script(Reply(chunks=("a", "b"), hang_after=1))
    async with aclosing(provider.stream(question(model=MODEL))) as batches:
        async for batch in batches:
            if text_of(batch):
                break
    await google.wait_abandoned()


@pytest.mark.parametrize(
    "model", ["../../v1/models/x", "x:countTokens?a=", "a/b", "models/..", "http://evil.test/x", ""]
)
async def test_a_model_name_can_not_lead_elsewhere(provider: GeminiProvider, google: GeminiServer, model: str) -> None:
    texts = EmbeddingRequest(model=model, inputs=("a",))
    for call in (lambda: collected(provider.stream(question(model=model))), lambda: provider.embed(texts)):
        with pytest.raises(ProviderError, match="has no model") as caught:
            await call()
        assert caught.value.kind is ErrorKind.NOT_FOUND
    assert not google.received


async def test_embeddings_come_at_length_one(provider: GeminiProvider, google: GeminiServer) -> None:
    vectors = await provider.embed(EmbeddingRequest(model="gemini-embedding-001", inputs=("a", "b"), dimensions=3))
    assert [struct.unpack("<3f", values) for values in vectors.values] == [
        (1.0, 0.0, 0.0),
        pytest.approx((0.6, 0.8, 0.0)),
    ]
    assert vectors.usage.estimated
    assert google.received[0].path == "/v1beta/models/gemini-embedding-001:batchEmbedContents"


async def test_token_ids_are_not_embedded(provider: GeminiProvider) -> None:
    with pytest.raises(ProviderError, match="not token ids"):
        await provider.embed(EmbeddingRequest(model="e", token_inputs=((1,),)))


async def test_tokens_are_counted_by_the_vendor_with_instructions(
    provider: GeminiProvider, google: GeminiServer
) -> None:
    assert await provider.count_tokens(question(model=MODEL)) > 0
    assert google.received[0].body["generateContentRequest"]["model"] == f"models/{MODEL}"


async def test_models_are_listed_with_what_they_can(provider: GeminiProvider) -> None:
    models = await provider.list_models()
    assert [(model.id, model.context_window, model.capabilities) for model in models] == [
        ("gemini-fake", 1_000_000, ("chat",)),
        ("embedding-fake", 0, ("embedding",)),
    ]


async def test_a_wrong_key_fails_every_call_alike(
    row: ProviderProfile, clock: ManualClock, new_id: Callable[[str], str]
) -> None:
    wrong = GeminiProvider(replace(row, keys=("wrong",)), clock=clock, new_id=new_id, connect_timeout=60)
    calls = (
        wrong.count_tokens(question(model=MODEL)),
        wrong.list_models(),
        wrong.embed(EmbeddingRequest(model="e", inputs=("a",))),
    )
    for call in calls:
        with pytest.raises(ProviderError) as caught:
            await call
        assert caught.value.failure is FailureKind.AUTH
        assert "key" not in caught.value.message.lower()
    await wrong.close()
