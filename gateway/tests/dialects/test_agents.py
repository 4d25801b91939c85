"""What coding agents send and want back (Claude Code, Codex), through the vendors' unmodified SDKs."""

import json

import anthropic
import openai
import pytest
from openai.types import responses as published
from openai.types.shared import Reasoning
from penstock.llm.v1 import llm_pb2 as pb
from pydantic import BaseModel
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from penstock_kit.errors import BadUpstream
from penstock_testkit.services import Fail
from penstock_testkit.services.llm import FINISHED, STARTED

pytestmark = pytest.mark.asyncio(loop_scope="session")

ASK = {"model": "m", "max_tokens": 2000, "messages": [{"role": "user", "content": "hi"}]}
F = {"name": "f", "input_schema": {"type": "object"}}
PATCH = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Edits files.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"},
}
SPACE = {
    "type": "namespace",
    "name": "crm",
    "description": "customers",
    "tools": [{"type": "function", "name": "find", "parameters": {"type": "object"}}],
}
TEXT = '*** Begin Patch\n"ä"'


def claude(gateway):
    return anthropic.AsyncAnthropic(base_url=gateway.url, api_key=gateway.key, max_retries=0)


def codex(gateway):
    return openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0)


def script(*events, reason="stop"):
    end = pb.Finished(finish_reason=reason, usage=FINISHED.usage)
    return [[pb.CompletionEvent(started=STARTED)], list(events), [pb.CompletionEvent(finished=end)]]


def call(index, **fields):
    return pb.CompletionEvent(tool_call=pb.ToolCallDelta(call_index=index, **fields))


async def test_betas_and_the_fields_they_enable_travel_together(gateway):
    async with claude(gateway) as client:
        await client.beta.messages.create(
            **ASK,
            betas=["context-management-2025-06-27", "fine-grained-tool-streaming-2025-05-14"],
            context_management={"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        )
        await client.beta.messages.count_tokens(model="m", messages=ASK["messages"], betas=["a-1"])
    asked, counted = gateway.fakes.llm.completions
    assert "context-management-2025-06-27" in asked.betas
    assert len(asked.betas) == 2
    assert json.loads(asked.extra_json)["context_management"]["edits"][0]["keep"] == "all"
    assert "a-1" in counted.betas


async def test_marks_and_fields_of_tools_travel_and_hosted_tools_are_named(gateway):
    mark = {"type": "ephemeral", "ttl": "1h"}
    async with claude(gateway) as client:
        raw = await client.messages.with_raw_response.create(
            **ASK,
            cache_control={"type": "ephemeral"},
            tools=[
                {**F, "cache_control": mark, "defer_loading": True},
                {"type": "bash_20250124", "name": "bash"},
                {"type": "web_search_20250305", "name": "web_search", "max_uses": 3},
            ],
            tool_choice={"type": "tool", "name": "web_search"},
        )
    assert raw.headers["x-dropped-params"] == "tools.web_search_20250305,tool_choice"
    asked = gateway.fakes.llm.completions[0]
    assert [(tool.name, tool.cache_ttl) for tool in asked.tools] == [("f", "1h"), ("bash", "")]
    assert [json.loads(tool.extra_json) for tool in asked.tools] == [{"defer_loading": True}, {"type": "bash_20250124"}]
    assert json.loads(asked.extra_json) == {"cache_control": {"type": "ephemeral"}}
    assert not asked.HasField("tool_choice")


async def test_a_custom_tool_is_a_function_of_one_text_and_its_call_is_custom_again(gateway):
    gateway.fakes.llm.script = script(
        call(0, id="c1", name="apply_patch", arguments='{"input":'),
        call(0, arguments=json.dumps(TEXT) + "}"),
        call(1, id="c2", name="crm__find", arguments="{}"),
        reason="tool_calls",
    )
    async with codex(gateway) as client:
        raw = await client.responses.with_raw_response.create(
            model="m",
            input="hi",
            tools=[PATCH, SPACE, {"type": "web_search"}],
            tool_choice={"type": "custom", "name": "apply_patch"},
        )
        async with client.responses.stream(model="m", input="hi", tools=[PATCH, SPACE]) as stream:
            events = [event async for event in stream]
    assert raw.headers["x-dropped-params"] == "tools.web_search"
    asked = gateway.fakes.llm.completions[0]
    assert [tool.name for tool in asked.tools] == ["apply_patch", "crm__find"]
    assert json.loads(asked.tools[0].parameters_json)["properties"] == {"input": {"type": "string"}}
    assert "lark grammar:\nstart: /.+/" in asked.tools[0].description
    assert (asked.tool_choice.mode, asked.tool_choice.name) == (pb.ToolChoice.MODE_NAMED, "apply_patch")
    for output in (raw.parse().output, events[-1].response.output):
        custom, found = output
        assert (custom.type, custom.call_id, custom.name, custom.input) == (
            "custom_tool_call",
            "c1",
            "apply_patch",
            TEXT,
        )
        assert (found.type, found.name, found.namespace) == ("function_call", "find", "crm")
    done = [event for event in events if event.type == "response.custom_tool_call_input.done"]
    assert [event.input for event in done] == [TEXT]
    assert "".join(e.delta for e in events if e.type == "response.custom_tool_call_input.delta") == TEXT


async def test_a_socket_for_responses_is_sent_back_to_http(gateway):
    with pytest.raises(InvalidStatus) as caught:
        await connect(f"{gateway.url.replace('http', 'ws')}/v1/responses", additional_headers=gateway.auth())
    assert caught.value.response.status_code == 426
    assert json.loads(caught.value.response.body)["error"]["code"] == "websocket_unsupported"


MIXED = [
    pb.CompletionEvent(thinking=pb.ThinkingDelta(text="hm", signature="s")),
    pb.CompletionEvent(text=pb.TextDelta(text="so")),
    pb.CompletionEvent(annotation=pb.Annotation(url="https://example.com", title="t", end_index=2)),
    pb.CompletionEvent(refusal=pb.TextDelta(text="no")),
    call(0, id="c1", name="f", arguments="{}"),
    call(1, id="c2", name="apply_patch", arguments='{"input":"x"}'),
]
ITEMS = {
    "message": published.ResponseOutputMessage, "reasoning": published.ResponseReasoningItem,
    "function_call": published.ResponseFunctionToolCall, "custom_tool_call": published.ResponseCustomToolCall,
    "output_text": published.ResponseOutputText, "refusal": published.ResponseOutputRefusal,
    "summary_text": published.response_reasoning_item.Summary,
    "url_citation": published.response_output_text.AnnotationURLCitation,
}  # fmt: skip


def lacking(model, given, path=""):
    """Yield the fields that the published model has and the JSON has not, inside it too."""
    for name, field in model.model_fields.items():
        if (field.alias or name) not in given:
            yield f"{path}.{field.alias or name}"
    for name, value in given.items():
        inner = [value] if isinstance(value, dict) else value if isinstance(value, list) else []
        for entry in inner:
            if isinstance(entry, dict) and (kind := ITEMS.get(entry.get("type", ""))) is not None:
                yield from lacking(kind, entry, f"{path}.{name}")
    for name, kind in (
        ("response", published.Response), ("usage", published.ResponseUsage), ("reasoning", Reasoning),
        ("text", published.ResponseTextConfig),
    ):  # fmt: skip
        if isinstance(given.get(name), dict):
            yield from lacking(kind, given[name], f"{path}.{name}")


async def streamed(gateway, body):
    lines = (await gateway.client.post("/v1/responses", json=body, headers=gateway.auth())).text.splitlines()
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]


def event_models():
    """Return the published events by their type."""
    known = [getattr(published, name) for name in dir(published) if name.endswith("Event")]
    models = [model for model in known if isinstance(model, type) and issubclass(model, BaseModel)]
    return {
        model.model_fields["type"].annotation.__args__[0]: model for model in models if "type" in model.model_fields
    }


async def test_every_field_of_the_published_schema_is_there_whole_and_in_every_event(gateway):
    body = {"model": "m", "input": "hi", "tools": [PATCH, {"type": "function", "name": "f"}], "stream": True}
    gateway.fakes.llm.script = script(*MIXED)
    events = await streamed(gateway, body)
    gateway.fakes.llm.script = [*script(*MIXED)[:-1], Fail(BadUpstream("broken"))]
    events += await streamed(gateway, body)
    gateway.fakes.llm.script = script(*MIXED, reason="length")
    events += await streamed(gateway, body)
    models = event_models()
    seen = {event["type"] for event in events}
    assert {"response.completed", "response.failed", "response.incomplete", "error"} <= seen
    assert "response.custom_tool_call_input.done" in seen
    assert seen <= set(models)
    for event in events:
        assert list(lacking(models[event["type"]], event)) == [], event["type"]
    gateway.fakes.llm.script = script(*MIXED)
    whole = (await gateway.client.post("/v1/responses", json={**body, "stream": False}, headers=gateway.auth())).json()
    assert list(lacking(published.Response, whole)) == []
    assert (whole["status"], whole["temperature"], whole["service_tier"]) == ("completed", 1.0, "default")
    assert whole["completed_at"] >= whole["created_at"]


async def test_what_is_not_kept_or_shown_is_named_and_only_if_it_was_asked_for(gateway):
    async with codex(gateway) as client:
        plain = await client.responses.with_raw_response.create(
            model="m", input="hi", store=False, truncation="disabled", include=["reasoning.encrypted_content"],
            reasoning={"effort": "max", "summary": "auto"}, metadata={"a": "b"},
        )  # fmt: skip
        asked = await client.responses.with_raw_response.create(
            model="m", input="hi", store=True, truncation="auto", include=["file_search_call.results"],
            text={"verbosity": "low"},
        )  # fmt: skip
    assert "x-dropped-params" not in plain.headers
    assert asked.headers["x-dropped-params"] == "include,store,truncation"
    assert json.loads(gateway.fakes.llm.completions[1].extra_json) == {"verbosity": "low"}
    assert asked.parse().text.verbosity == "low"
    assert plain.parse().metadata == {"a": "b"}


async def test_knobs_of_embeddings_go_on_and_the_dropped_ones_are_named(gateway):
    async with codex(gateway) as client:
        await client.embeddings.create(model="m", input="x", extra_body={"input_type": "query"})
    assert json.loads(gateway.fakes.llm.requests[0].extra_json) == {"input_type": "query"}


async def test_sound_films_and_hosted_tools_of_a_chat(gateway):
    content = [
        {"type": "text", "text": "what?"},
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}},
    ]
    async with codex(gateway) as client:
        raw = await client.chat.completions.with_raw_response.create(
            model="m",
            messages=[{"role": "user", "content": content}],
            tools=[{"type": "web_search"}],
            reasoning_effort="max",
        )
    assert raw.headers["x-dropped-params"] == "tools.web_search"
    asked = gateway.fakes.llm.completions[0]
    files = [part.file for part in asked.messages[0].parts[1:]]
    assert [(file.media_type, file.data, file.url) for file in files] == [
        ("audio/wav", b"RIFF", ""), ("video/*", b"", "https://example.com/a.mp4"),
    ]  # fmt: skip
    assert asked.reasoning.effort == "max"
