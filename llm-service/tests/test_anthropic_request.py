"""Questions in Anthropic's dialect."""

from dataclasses import replace
from typing import Any

import anthropic
import pytest

from llm_service.domain.model.message import (
    FilePart,
    ImagePart,
    Message,
    Part,
    Role,
    TextPart,
    ThinkingPart,
    ToolCall,
    text_message,
)
from llm_service.domain.model.request import (
    CompletionRequest,
    Reasoning,
    ResponseForm,
    ResponseFormat,
    Sampling,
    ToolChoice,
    ToolDefinition,
    ToolMode,
)
from llm_service.providers.anthropic_model import ClaudeTraits, traits_of
from llm_service.providers.anthropic_request import AnthropicRequest, request_of
from llm_service.testing import question
from penstock_kit.errors import InvalidArgument

NEW, OLD = "claude-opus-5-5", "claude-sonnet-4-5"
TOOL = ToolDefinition(name="look", description="Looks.", parameters='{"properties": {"at": {"type": "string"}}}')
CALL = ToolCall(id="t1", name="look", arguments='{"at": "x"}')
LONG = "word " * 4000


def made(request: CompletionRequest) -> AnthropicRequest:
    return request_of(request, anthropic.transform_schema)


def turns(*messages: Message) -> list[dict[str, Any]]:
    return made(CompletionRequest(messages=messages, model=NEW)).body["messages"]


def user(*parts: Part) -> Message:
    return Message(role=Role.USER, parts=parts)


def test_system_messages_go_before_the_conversation() -> None:
    body = made(
        CompletionRequest(model=NEW, messages=(text_message(Role.SYSTEM, "be brief"), text_message(Role.USER, "hi")))
    ).body
    assert body["system"] == [{"type": "text", "text": "be brief"}]
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]
    assert body["max_tokens"] == 8192


def test_results_of_several_calls_are_one_turn_with_the_words_after_them() -> None:
    said = turns(
        user(TextPart(text="look")),
        Message(
            role=Role.ASSISTANT,
            parts=(TextPart(text="ok"), ThinkingPart(text="hm", signature="proof")),
            tool_calls=(CALL, replace(CALL, id="t2", arguments="")),
        ),
        Message(role=Role.TOOL, tool_call_id="t1", parts=(TextPart(text="a valve"),)),
        Message(role=Role.TOOL, tool_call_id="t2", parts=(TextPart(text="broken"),), is_error=True),
        user(TextPart(text="and now?")),
    )
    assert [turn["role"] for turn in said] == ["user", "assistant", "user"]
    assert [block["type"] for block in said[1]["content"]] == ["thinking", "text", "tool_use", "tool_use"]
    assert said[1]["content"][2]["input"] == {"at": "x"}
    assert said[1]["content"][3]["input"] == {}
    assert said[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "t1", "content": "a valve"},
        {"type": "tool_result", "tool_use_id": "t2", "content": "broken", "is_error": True},
        {"type": "text", "text": "and now?"},
    ]


def test_reasoning_of_another_vendor_or_without_a_proof_is_not_handed_back() -> None:
    thoughts = (
        ThinkingPart(text="a"),
        ThinkingPart(text="b", signature="gemini:xyz"),
        ThinkingPart(redacted="secret"),
        TextPart(text="so "),
    )
    said = turns(user(TextPart(text="hi")), Message(role=Role.ASSISTANT, parts=thoughts))
    assert said[1]["content"] == [{"type": "redacted_thinking", "data": "secret"}, {"type": "text", "text": "so"}]


def test_arguments_that_are_no_json_are_handed_back_as_they_were() -> None:
    said = turns(
        user(TextPart(text="hi")), Message(role=Role.ASSISTANT, tool_calls=(replace(CALL, arguments="{oops"),))
    )
    assert said[1]["content"][0]["input"] == {"invalid_arguments": "{oops"}


PARTS: list[tuple[Part, dict[str, Any]]] = [
    (
        ImagePart(url="https://x.test/a.png"),
        {"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}},
    ),
    (
        ImagePart(url="data:image/png;base64,iVBORw=="),
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}},
    ),
    (
        ImagePart(data=b"\x89PNG", media_type="image/png"),
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}},
    ),
    (
        FilePart(filename="a.pdf", data=b"%PDF", media_type="application/pdf"),
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="},
            "title": "a.pdf",
        },
    ),
    (
        FilePart(filename="", data=b"a,b", media_type="text/csv"),
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a,b"}},
    ),
]


@pytest.mark.parametrize(("part", "block"), PARTS)
def test_pictures_and_files_become_blocks(part: Part, block: dict[str, Any]) -> None:
    assert turns(user(part))[0]["content"] == [block]


def test_a_file_nobody_can_read_is_refused_with_its_type() -> None:
    with pytest.raises(InvalidArgument, match="not 'application/zip'"):
        turns(user(FilePart(filename="a.zip", data=b"PK", media_type="application/zip")))


CHOICES = [
    (ToolChoice(), None, None),
    (ToolChoice(mode=ToolMode.AUTO), None, {"type": "auto"}),
    (ToolChoice(mode=ToolMode.NONE), False, {"type": "none"}),
    (ToolChoice(mode=ToolMode.REQUIRED), None, {"type": "any"}),
    (ToolChoice(mode=ToolMode.NAMED, name="look"), None, {"type": "tool", "name": "look"}),
    (ToolChoice(), False, {"type": "auto", "disable_parallel_tool_use": True}),
]


@pytest.mark.parametrize(("choice", "parallel", "sent"), CHOICES)
def test_each_tool_choice_has_its_form(choice: ToolChoice, parallel: bool | None, sent: object) -> None:
    sampling = Sampling(parallel_tool_calls=parallel)
    body = made(replace(question(model=NEW), tools=(TOOL,), tool_choice=choice, sampling=sampling)).body
    assert body.get("tool_choice") == sent
    assert body["tools"][0]["input_schema"] == {"type": "object", "properties": {"at": {"type": "string"}}}


def test_a_schema_is_kept_to_by_the_model_itself() -> None:
    schema = '{"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]}'
    form = ResponseFormat(form=ResponseForm.JSON_SCHEMA, schema=schema)
    sent = made(replace(question(model=NEW), response_format=form)).body["output_config"]["format"]
    assert sent["type"] == "json_schema"
    assert sent["schema"]["additionalProperties"] is False
    assert "minimum" not in sent["schema"]["properties"]["n"]


def test_a_schema_that_can_not_be_kept_to_is_refused() -> None:
    form = ResponseFormat(form=ResponseForm.JSON_SCHEMA, schema='{"properties": {"n": {}}}')
    with pytest.raises(InvalidArgument, match="can't keep to the schema"):
        made(replace(question(model=NEW), response_format=form))


def test_an_older_model_with_tools_is_told_the_schema_in_words() -> None:
    form = ResponseFormat(form=ResponseForm.JSON_SCHEMA, schema='{"type": "object"}')
    request = made(replace(question(model="claude-opus-4-0"), response_format=form, tools=(TOOL,)))
    assert not request.answers_by_tool
    assert "JSON Schema" in request.body["system"][-1]["text"]


def test_thinking_is_not_begun_inside_a_round_of_calls_or_with_a_forced_one() -> None:
    asked = replace(question(model=OLD), tools=(TOOL,), reasoning=Reasoning(effort="low"))
    calls = Message(role=Role.ASSISTANT, tool_calls=(CALL,))
    result = Message(role=Role.TOOL, tool_call_id="t1", parts=(TextPart(text="x"),))
    unsigned = made(replace(asked, messages=(*asked.messages, calls, result)))
    forced = made(replace(asked, tool_choice=ToolChoice(mode=ToolMode.REQUIRED)))
    signed = replace(calls, parts=(ThinkingPart(text="hm", signature="proof"),))
    for request in (unsigned, forced):
        assert "thinking" not in request.body
        assert request.dropped == ["reasoning_effort"]
    assert made(replace(asked, messages=(*asked.messages, signed, result))).body["thinking"]["budget_tokens"] == 2048


def test_a_budget_leaves_room_for_the_answer() -> None:
    asked = replace(
        question(model=OLD), reasoning=Reasoning(max_tokens=9000), sampling=Sampling(max_output_tokens=4000)
    )
    body = made(asked).body
    assert (body["max_tokens"], body["thinking"]["budget_tokens"]) == (4000, 3200)


def test_no_thinking_is_said_to_the_models_that_think_by_themselves() -> None:
    wanted = Reasoning(effort="none")
    assert made(replace(question(model=NEW), reasoning=wanted)).body["thinking"] == {"type": "disabled"}
    assert "thinking" not in made(replace(question(model=OLD), reasoning=wanted)).body


def test_knobs_anthropic_lacks_are_named() -> None:
    sampling = Sampling(temperature=0.5, top_p=0.9, top_k=5, seed=1, n=2, logprobs=True, stop=("END", " "))
    request = made(replace(question(model=OLD), sampling=sampling, extra={"service_tier": "auto", "user": "u"}))
    assert set(request.dropped) == {"seed", "logprobs", "n", "top_p", "user", "stop"}
    sent = request.body
    assert (sent["temperature"], sent["top_k"], sent["stop_sequences"], sent["service_tier"]) == (
        0.5,
        5,
        ["END"],
        "auto",
    )


def test_a_long_prompt_is_marked_for_the_cache_where_the_next_turn_begins() -> None:
    asked = CompletionRequest(
        model=NEW,
        messages=(text_message(Role.SYSTEM, LONG), text_message(Role.USER, "one"), text_message(Role.USER, "two")),
        tools=(TOOL, TOOL),
    )
    body = made(asked).body
    assert ["cache_control" in tool for tool in body["tools"]] == [False, True]
    assert body["system"][-1]["cache_control"] == {"type": "ephemeral"}
    assert ["cache_control" in block for block in body["messages"][0]["content"]] == [False, True]


def test_a_short_prompt_is_not_marked() -> None:
    assert "cache_control" not in str(made(replace(question(model=NEW), tools=(TOOL,))).body)


def test_the_callers_marks_are_kept_alone_and_at_most_four() -> None:
    marked = [user(TextPart(text=f"{at} {LONG}", cache_ttl="1h")) for at in range(6)]
    body = made(CompletionRequest(model=NEW, messages=tuple(marked), tools=(TOOL,))).body
    marks = [block.get("cache_control") for block in body["messages"][0]["content"]]
    assert marks == [None, None, *[{"type": "ephemeral", "ttl": "1h"}] * 4]
    assert "cache_control" not in body["tools"][0]


GENERATIONS = [
    ("claude-3-5-sonnet-20241022", ClaudeTraits(sampling=True, budgeted_thinking=True, native_schema=False)),
    ("claude-sonnet-4-20250514", ClaudeTraits(sampling=True, budgeted_thinking=True, native_schema=False)),
    ("claude-haiku-4-5-20251001", ClaudeTraits(sampling=True, budgeted_thinking=True)),
    ("claude-opus-4-6", ClaudeTraits(sampling=True)),
    ("claude-opus-4-8", ClaudeTraits()),
    ("claude-sonnet-5", ClaudeTraits()),
    ("my-own-model", ClaudeTraits()),
]


@pytest.mark.parametrize(("model", "traits"), GENERATIONS)
def test_a_models_generation_is_read_from_its_name(model: str, traits: ClaudeTraits) -> None:
    assert traits_of(model) == traits
