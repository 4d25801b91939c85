"""Anthropic's dialect, through the official SDK, against a server that speaks Anthropic's wire format."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import anthropic
import orjson
import pytest

from llm_service.domain.model.completion import fold
from llm_service.domain.model.event import (
    Finished,
    FinishReason,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    UsageReport,
)
from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.profile import ProviderProfile
from llm_service.domain.model.provider import EmbeddingRequest
from llm_service.domain.model.request import Reasoning, ResponseForm, ResponseFormat, ToolDefinition
from llm_service.domain.model.usage import Usage
from llm_service.providers.anthropic import AnthropicProvider
from llm_service.testing import collected, question, text_of
from penstock_kit.errors import ErrorKind
from penstock_testkit.clock import ManualClock
from penstock_testkit.vendors.anthropic_server import AnthropicServer
from penstock_testkit.vendors.reply import FakeToolCall, FakeUsage, Reply

MODEL = "claude-sonnet-5-5"
TOOL = ToolDefinition(name="look", parameters='{"type": "object", "properties": {"at": {"type": "string"}}}')
CALLS = (
    FakeToolCall(name="look", arguments='{"at":"the north valve"}', id="toolu_1"),
    FakeToolCall(name="hear", arguments="{}", id="toolu_2"),
)


@pytest.fixture
async def claude() -> AsyncIterator[AnthropicServer]:
    async with AnthropicServer(key="sk-ant-test-0001") as server:
        yield server


@pytest.fixture
def row(claude: AnthropicServer) -> ProviderProfile:
    return ProviderProfile(
        name="anthropic", dialect="anthropic", models=(MODEL,), base_url=claude.base_url, keys=("sk-ant-test-0001",)
    )


@pytest.fixture
async def provider(
    row: ProviderProfile, clock: ManualClock, new_id: Callable[[str], str]
) -> AsyncIterator[AnthropicProvider]:
    made = AnthropicProvider(row, clock=clock, new_id=new_id, connect_timeout=60)
    yield made
    await made.close()


async def test_the_fake_vendor_satisfies_the_official_client(claude: AnthropicServer) -> None:
    claude.default = Reply(thinking=("hm",), signature="s", tool_calls=CALLS, finish_reason="tool_calls")
    async with (
        anthropic.AsyncAnthropic(base_url=claude.base_url, api_key="sk-ant-test-0001", max_retries=0) as client,
        client.messages.stream(model=MODEL, max_tokens=9, messages=[{"role": "user", "content": "hi"}]) as stream,
    ):
        message = await stream.get_final_message()
    assert [block.type for block in message.content] == ["thinking", "text", "tool_use", "tool_use"]
    assert message.stop_reason == "tool_use"


async def test_a_streamed_answer_arrives_in_pieces_with_usage(
    provider: AnthropicProvider, claude: AnthropicServer
) -> None:
    claude.script(Reply(chunks=("po", "n", "g"), usage=FakeUsage(prompt=11, completion=3)))
    events = await collected(provider.stream(question(model=MODEL)))
    started, finished = events[0], events[-1]
    assert isinstance(started, Started)
    assert (started.provider, started.model, started.id) == ("anthropic", MODEL, "msg_fake")
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["po", "n", "g"]
    assert isinstance(finished, Finished)
    assert (finished.reason, finished.usage) == (FinishReason.STOP, Usage(input=11, output=3))


async def test_an_answer_at_once_is_the_same_as_the_streamed_one(
    provider: AnthropicProvider, claude: AnthropicServer
) -> None:
    claude.default = Reply(
        thinking=("h", "m"), signature="proof", tool_calls=CALLS, finish_reason="tool_calls", usage=FakeUsage(prompt=9)
    )
    streamed = await fold(provider.stream(question(model=MODEL)))
    whole = await fold(provider.stream(question(model=MODEL, streaming=False)))
    assert whole == streamed
    assert "stream" not in claude.received[1].body


async def test_the_key_and_the_version_go_into_headers(provider: AnthropicProvider, claude: AnthropicServer) -> None:
    await collected(provider.stream(question(model=MODEL)))
    headers = {name.lower(): value for name, value in claude.received[0].headers.items()}
    assert headers["authorization"] == "Bearer sk-ant-test-0001"
    assert headers["anthropic-version"] == "2026-10-21"
    assert headers["user-agent"].startswith("AsyncAnthropic/Python")
    assert claude.received[0].path == "/v1/messages"


async def test_cached_written_and_thinking_tokens_are_disjoint(
    provider: AnthropicProvider, claude: AnthropicServer
) -> None:
    claude.script(Reply(usage=FakeUsage(prompt=100, cached=60, written=30, completion=50, reasoning=20)))
    answer = await fold(provider.stream(question(model=MODEL)))
    assert answer.finished.usage == Usage(input=10, cache_read=60, cache_write=30, output=30, reasoning=20)


async def test_the_prompt_is_counted_before_the_answer_ends(
    provider: AnthropicProvider, claude: AnthropicServer
) -> None:
    claude.script(Reply(usage=FakeUsage(prompt=100), cut_after=2))
    seen: list[Usage] = []
    with pytest.raises(ProviderError):
        async for batch in provider.stream(question(model=MODEL)):
            seen += [event.usage for event in batch if isinstance(event, UsageReport)]
    assert seen[-1].prompt == 100


async def test_thinking_its_signature_and_encrypted_thinking_are_told(
    provider: AnthropicProvider, claude: AnthropicServer
) -> None:
    claude.script(Reply(thinking=("let ", "me"), signature="proof", redacted="secret"))
    events = await collected(provider.stream(question(model=MODEL)))
    assert [event for event in events if isinstance(event, ThinkingDelta)] == [
        ThinkingDelta(text="let "),
        ThinkingDelta(text="me"),
        ThinkingDelta(signature="proof"),
        ThinkingDelta(redacted="secret"),
    ]


async def test_tool_calls_arrive_in_pieces_with_name_and_id_once(
    provider: AnthropicProvider, claude: AnthropicServer
) -> None:
    claude.script(Reply(chunks=("I look.",), tool_calls=CALLS, finish_reason="tool_calls"))
    events = await collected(provider.stream(question(model=MODEL)))
    deltas = [event for event in events if isinstance(event, ToolCallDelta)]
    assert [(delta.call_index, delta.id, delta.name) for delta in deltas if delta.id] == [
        (0, "toolu_1", "look"),
        (1, "toolu_2", "hear"),
    ]
    assert len([delta for delta in deltas if delta.call_index == 0]) > 2
    arguments = ["".join(delta.arguments for delta in deltas if delta.call_index == at) for at in (0, 1)]
    assert arguments == ['{"at":"the north valve"}', "{}"]
    assert isinstance(events[-1], Finished)
    assert events[-1].reason is FinishReason.TOOL_CALLS


async def test_calls_whose_pieces_are_mixed_are_told_apart(
    provider: AnthropicProvider, claude: AnthropicServer
) -> None:
    blocks: list[dict[str, Any]] = [
        {"type": "tool_use", "id": f"t{at}", "name": f"n{at}", "input": {}} for at in (0, 1)
    ]
    lines = [
        f'{{"type":"content_block_start","index":{at},"content_block":{_json(block)}}}'
        for at, block in enumerate(blocks)
    ]
    for at, piece in ((0, '{"a'), (1, '{"b'), (0, '":1}'), (1, '":2}')):
        delta = _json({"type": "input_json_delta", "partial_json": piece})
        lines.append(f'{{"type":"content_block_delta","index":{at},"delta":{delta}}}')
    lines.append('{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":1}}')
    claude.script(Reply(raw=_raw('{"type":"message_start","message":{"id":"m"}}', *lines, '{"type":"message_stop"}')))
    answer = await fold(provider.stream(question(model=MODEL)))
    assert [(call.name, call.arguments) for call in answer.first.tool_calls] == [("n0", '{"a":1}'), ("n1", '{"b":2}')]


ENDS = [
    ("stop", FinishReason.STOP),
    ("length", FinishReason.LENGTH),
    ("model_context_window_exceeded", FinishReason.LENGTH),
    ("stop_sequence", FinishReason.STOP),
    ("pause_turn", FinishReason.STOP),
    ("compaction", FinishReason.STOP),
    ("model_context_window_exceeded", FinishReason.LENGTH),
    ("content_filter", FinishReason.CONTENT_FILTER),
]


@pytest.mark.parametrize(("said", "reason"), ENDS)
async def test_each_stop_reason_has_its_meaning(
    provider: AnthropicProvider, claude: AnthropicServer, said: str, reason: FinishReason
) -> None:
    claude.script(Reply(finish_reason=said))
    finished = (await collected(provider.stream(question(model=MODEL))))[-1]
    assert isinstance(finished, Finished)
    assert (finished.reason, finished.stop_sequence) == (reason, "END" if said == "stop_sequence" else "")
    words = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}
    assert finished.vendor_reason == words.get(said, said)


async def test_a_refusal_is_explained(provider: AnthropicProvider, claude: AnthropicServer) -> None:
    claude.script(Reply(finish_reason="content_filter", refusal="I won't."))
    events = await collected(provider.stream(question(model=MODEL)))
    assert [event.text for event in events if isinstance(event, RefusalDelta)] == ["I won't."]
    assert isinstance(events[-1], Finished)
    details = {"type": "refusal", "category": "bio", "explanation": "I won't."}
    assert json.loads(events[-1].details_json) == details


async def test_a_turn_that_pauses_after_calls_is_no_turn_of_calls(
    provider: AnthropicProvider, claude: AnthropicServer
) -> None:
    claude.script(Reply(chunks=(), tool_calls=(FakeToolCall(name="f", arguments="{}"),), finish_reason="pause_turn"))
    finished = (await collected(provider.stream(question(model=MODEL))))[-1]
    assert isinstance(finished, Finished)
    assert (finished.reason, finished.vendor_reason) == (FinishReason.STOP, "pause_turn")


async def test_a_schema_an_older_model_does_not_know_is_answered_through_a_tool(
    provider: AnthropicProvider, claude: AnthropicServer
) -> None:
    call = FakeToolCall(name="answer_as_json", arguments='{"n":1}', piece=3)
    claude.script(Reply(chunks=(), tool_calls=(call,), finish_reason="tool_calls"))
    form = ResponseFormat(form=ResponseForm.JSON_SCHEMA, schema='{"type": "object"}')
    answer = await fold(provider.stream(replace(question(model="claude-sonnet-4-0"), response_format=form)))
    assert (answer.first.text, answer.first.tool_calls, answer.finished.reason) == ('{"n":1}', (), FinishReason.STOP)
    assert claude.received[0].body["tool_choice"] == {"type": "tool", "name": "answer_as_json"}


async def test_dropped_knobs_are_named(provider: AnthropicProvider) -> None:
    started = (await collected(provider.stream(replace(question(model=MODEL), extra={"mirostat": 2}))))[0]
    assert isinstance(started, Started)
    assert started.dropped_params == ("mirostat",)


STATUSES = [
    (400, "bad", FailureKind.BAD_REQUEST, ErrorKind.INVALID_ARGUMENT),
    (400, "Your credit balance is too low to access the API", FailureKind.RATE_LIMIT, ErrorKind.RESOURCE_EXHAUSTED),
    (401, "invalid x-api-key", FailureKind.AUTH, ErrorKind.BAD_UPSTREAM),
    (403, "no", FailureKind.UNSUPPORTED, ErrorKind.PERMISSION_DENIED),
    (404, "model: x", FailureKind.UNSUPPORTED, ErrorKind.NOT_FOUND),
    (413, "large", FailureKind.BAD_REQUEST, ErrorKind.PAYLOAD_TOO_LARGE),
    (429, "slow", FailureKind.RATE_LIMIT, ErrorKind.RESOURCE_EXHAUSTED),
    (500, "oops", FailureKind.SERVER, ErrorKind.BAD_UPSTREAM),
    (504, "late", FailureKind.TIMEOUT, ErrorKind.DEADLINE_EXCEEDED),
    (529, "Overloaded", FailureKind.SERVER, ErrorKind.UNAVAILABLE),
    (302, "there", FailureKind.PROTOCOL, ErrorKind.BAD_UPSTREAM),
]


@pytest.mark.parametrize(("status", "said", "meaning"), [(status, said, rest) for status, said, *rest in STATUSES])
async def test_each_status_has_its_meaning(
    provider: AnthropicProvider, claude: AnthropicServer, status: int, said: str, meaning: list[object]
) -> None:
    claude.script(Reply(status=status, error=said, headers={"retry-after": "3"}))
    with pytest.raises(ProviderError) as caught:
        await collected(provider.stream(question(model=MODEL)))
    failure = caught.value.failure
    assert [failure, caught.value.kind] == meaning
    assert caught.value.retry_after == (3.0 if failure is FailureKind.RATE_LIMIT or status == 529 else None)
    assert (said in caught.value.message) is (failure is not FailureKind.AUTH)
    assert len(claude.received) == 1


async def test_a_prompt_that_is_too_long_is_told_as_such(provider: AnthropicProvider, claude: AnthropicServer) -> None:
    claude.script(Reply(status=400, error="prompt is too long: 250000 tokens > 200000 maximum"))
    with pytest.raises(ProviderError) as caught:
        await collected(provider.stream(question(model=MODEL)))
    assert caught.value.reason == "CONTEXT_LIMIT_EXCEEDED"


BROKEN = [
    ("a stream that ends without a stop reason", Reply(finish_reason=None), FailureKind.CUT),
    ("a connection that is cut", Reply(chunks=("a", "b"), cut_after=2), FailureKind.CUT),
    ("HTML instead of an answer", Reply(raw=b"<html>502</html>", content_type="text/html"), FailureKind.PROTOCOL),
    ("an event that is no JSON", Reply(raw=b"data: {oops\n\n"), FailureKind.PROTOCOL),
    ("bytes that are no UTF-8", Reply(raw=b'data: {"x": "\xff\xfe"}\n\n'), FailureKind.PROTOCOL),
    ("a line of 10 MB", Reply(raw=b"data: no end ", raw_times=800_000), FailureKind.PROTOCOL),
    ("JSON of another shape", Reply(raw=b'data: {"type": "message_start", "message": 1}\n\n'), FailureKind.PROTOCOL),
    ("JSON that is a list", Reply(raw=b"data: []\n\n"), FailureKind.PROTOCOL),
    ("an overload in the stream", Reply(error_after=1, error="Overloaded"), FailureKind.SERVER),
    ("a limit in the stream", Reply(error_after=1, code="rate_limit_error"), FailureKind.RATE_LIMIT),
    ("an error of a new kind in the stream", Reply(error_after=1, code="moon_error"), FailureKind.SERVER),
]


@pytest.mark.parametrize(("what", "reply", "failure"), BROKEN, ids=[what for what, _, _ in BROKEN])
async def test_a_broken_answer_is_an_error_and_never_a_silent_end(
    provider: AnthropicProvider, claude: AnthropicServer, what: str, reply: Reply, failure: FailureKind
) -> None:
    claude.script(reply)
    with pytest.raises(ProviderError) as caught:
        await collected(provider.stream(question(model=MODEL)))
    assert caught.value.failure is failure


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (Reply(cut_after=0), FailureKind.CUT),
        (Reply(raw=b"<html>"), FailureKind.PROTOCOL),
        (Reply(raw=b'{"content": 5}'), FailureKind.PROTOCOL),
        (Reply(finish_reason=None), FailureKind.CUT),
    ],
)
async def test_a_broken_answer_at_once_is_an_error_too(
    provider: AnthropicProvider, claude: AnthropicServer, reply: Reply, failure: FailureKind
) -> None:
    claude.script(reply)
    with pytest.raises(ProviderError) as caught:
        await collected(provider.stream(question(model=MODEL, streaming=False)))
    assert caught.value.failure is failure


async def test_leaving_closes_the_vendors_call_at_once(provider: AnthropicProvider, claude: AnthropicServer) -> None:
    claude.script(Reply(chunks=("a", "b"), hang_after=2))
    async with aclosing(provider.stream(question(model=MODEL))) as batches:
        async for batch in batches:
            if text_of(batch):
                break
    await claude.wait_abandoned()


async def test_nobody_listening_is_a_connect_failure(
    row: ProviderProfile, clock: ManualClock, new_id: Callable[[str], str]
) -> None:
    nowhere = AnthropicProvider(
        replace(row, base_url="http://127.0.0.1:9"), clock=clock, new_id=new_id, connect_timeout=60
    )
    with pytest.raises(ProviderError) as caught:
        await collected(nowhere.stream(question(model=MODEL)))
    assert caught.value.failure is FailureKind.CONNECT
    with pytest.raises(ProviderError) as caught:
        await nowhere.list_models()
    assert caught.value.failure is FailureKind.CONNECT
    await nowhere.close()


async def test_tokens_are_counted_by_the_vendor(provider: AnthropicProvider, claude: AnthropicServer) -> None:
    assert await provider.count_tokens(replace(question(model=MODEL), tools=(TOOL,))) > 0
    assert claude.received[0].path == "/v1/messages/count_tokens"
    assert set(claude.received[0].body) == {"model", "messages", "tools"}


async def test_models_are_listed_with_their_context_window(provider: AnthropicProvider) -> None:
    models = await provider.list_models()
    assert [(model.id, model.context_window) for model in models] == [("claude-fake", 200_000)]


async def test_a_wrong_key_fails_counts_and_models_alike(
    row: ProviderProfile, clock: ManualClock, new_id: Callable[[str], str]
) -> None:
    wrong = AnthropicProvider(replace(row, keys=("sk-wrong",)), clock=clock, new_id=new_id, connect_timeout=60)
    for call in (lambda: wrong.count_tokens(question(model=MODEL)), wrong.list_models):
        with pytest.raises(ProviderError) as caught:
            await call()
        assert caught.value.failure is FailureKind.AUTH
    await wrong.close()


async def test_there_are_no_embeddings(provider: AnthropicProvider) -> None:
    with pytest.raises(ProviderError, match="has no embeddings") as caught:
        await provider.embed(EmbeddingRequest(model="e", inputs=("a",)))
    assert caught.value.failure is FailureKind.UNSUPPORTED


async def test_thinking_is_asked_for_as_the_model_takes_it(
    provider: AnthropicProvider, claude: AnthropicServer
) -> None:
    wanted = Reasoning(effort="high", include=True)
    for model in (MODEL, "claude-sonnet-4-5"):
        await collected(provider.stream(replace(question(model=model), reasoning=wanted)))
    new, old = (received.body for received in claude.received)
    assert new["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert new["output_config"] == {"effort": "high"}
    assert old["thinking"] == {"type": "enabled", "budget_tokens": 16384}
    assert old["max_tokens"] > 16384


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _raw(*events: str) -> bytes:
    return "".join(f"event: x\ndata: {event}\n\n" for event in events).encode()


async def test_what_is_cached_for_an_hour_is_counted_apart(
    provider: AnthropicProvider, claude: AnthropicServer
) -> None:
    counts = {
        "input_tokens": 1,
        "cache_creation_input_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10},
        "output_tokens": 2,
    }
    message = {"id": "m", "content": [{"type": "text", "text": "ok"}], "stop_reason": "end_turn", "usage": counts}
    claude.script(Reply(raw=json.dumps(message).encode()))
    answer = await fold(provider.stream(question(model=MODEL, streaming=False)))
    assert answer.finished.usage == Usage(input=1, cache_write=30, cache_write_hour=10, output=2)


async def test_betas_go_with_the_question_and_with_the_count_of_its_tokens(
    provider: AnthropicProvider, claude: AnthropicServer
) -> None:
    asked = replace(
        question(model=MODEL), betas=("a-1",), surface="messages", extra={"context_management": {"edits": []}}
    )
    await collected(provider.stream(asked))
    assert await provider.count_tokens(asked) > 0
    for received in claude.received:
        assert received.headers["anthropic-beta"] == "a-1"
        assert received.body["context_management"] == {"edits": []}


async def test_a_turn_that_ends_in_calls_says_so_and_each_call_has_an_id(
    provider: AnthropicProvider, claude: AnthropicServer
) -> None:
    block: dict[str, Any] = {"type": "tool_use", "name": "f", "input": {}}
    message: dict[str, Any] = {"id": "m", "content": [block], "stop_reason": "end_turn", "usage": {}}
    claude.script(Reply(raw=json.dumps(message).encode()))
    answer = await fold(provider.stream(question(model=MODEL, streaming=False)))
    assert answer.finished.reason is FinishReason.TOOL_CALLS
    assert answer.first.tool_calls[0].id
