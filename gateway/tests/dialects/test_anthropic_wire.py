"""Anthropic requests → Completion."""

import base64

import pytest
from penstock.llm.v1 import llm_pb2 as pb

from gateway.dialects.anthropic.request import message_request_from_json
from penstock_kit.errors import InvalidArgument

USER = {"role": "user", "content": "hi"}


def completion(**body):
    return message_request_from_json({"max_tokens": 10, "messages": [USER], **body}).completion


def test_every_knob_finds_its_place():
    asked = completion(
        model="anthropic/claude", temperature=0.5, top_p=0.9, top_k=5, stop_sequences=["END"],
        metadata={"user_id": "u"}, service_tier="auto",
        thinking={"type": "enabled", "budget_tokens": 2000},
        tool_choice={"type": "tool", "name": "f", "disable_parallel_tool_use": True},
        tools=[{"name": "f", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}}],
        output_config={"effort": "high", "format": {"type": "json_schema", "schema": {"type": "object"}}},
    )  # fmt: skip
    sampling = asked.sampling
    assert (sampling.temperature, sampling.top_p, sampling.top_k, list(sampling.stop)) == (0.5, 0.9, 5, ["END"])
    assert (sampling.max_output_tokens, sampling.parallel_tool_calls) == (10, False)
    assert (asked.end_user, asked.extra_json) == ("u", '{"service_tier":"auto"}')
    assert (asked.reasoning.max_tokens, asked.reasoning.effort, asked.reasoning.include) == (2000, "high", True)
    assert (asked.tool_choice.mode, asked.tool_choice.name) == (pb.ToolChoice.MODE_NAMED, "f")
    assert asked.tools[0].parameters_json == '{"type":"object"}'
    assert asked.response_format.schema_json == '{"type":"object"}'


def test_a_conversation_with_tools_keeps_its_order():
    asked = completion(
        system=[{"type": "text", "text": "s", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        messages=[
            USER,
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "sig"},
                    {"type": "redacted_thinking", "data": "xyz"},
                    {"type": "text", "text": "let me"},
                    {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": "42", "is_error": True},
                    {"type": "tool_result", "tool_use_id": "t2", "content": [{"type": "text", "text": "43"}]},
                    {"type": "text", "text": "and?", "cache_control": {"type": "ephemeral"}},
                ],
            },
        ],
    )
    system, user, assistant, first, second, last = asked.messages
    assert (system.role, system.parts[0].cache_ttl, user.parts[0].text) == (pb.ROLE_SYSTEM, "1h", "hi")
    thinking, redacted, said = assistant.parts
    assert (thinking.thinking.text, thinking.thinking.signature) == ("hm", "sig")
    assert (redacted.thinking.redacted, said.text) == ("xyz", "let me")
    assert (assistant.tool_calls[0].id, assistant.tool_calls[0].arguments_json) == ("t1", '{"a":1}')
    assert (first.role, first.tool_call_id, first.parts[0].text, first.is_error) == (pb.ROLE_TOOL, "t1", "42", True)
    assert (second.tool_call_id, second.parts[0].text, second.is_error) == ("t2", "43", False)
    assert (last.role, last.parts[0].text, last.parts[0].cache_ttl) == (pb.ROLE_USER, "and?", "5m")


def test_pictures_and_documents_are_taken_in_every_form():
    data = base64.b64encode(b"bytes").decode()
    plain = {"type": "text", "media_type": "text/plain", "data": "words"}
    content = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        {"type": "document", "title": "a.pdf", "source": {"type": "base64", "data": data}},
        {"type": "document", "title": "T", "source": plain},
        {"type": "search_result", "title": "S", "source": "u", "content": [{"type": "text", "text": "found"}]},
    ]
    parts = completion(messages=[{"role": "user", "content": content}]).messages[0].parts
    assert (parts[0].image.data, parts[0].image.media_type) == (b"bytes", "image/png")
    assert parts[1].image.url == "https://example.com/a.png"
    assert (parts[2].file.data, parts[2].file.media_type, parts[2].file.filename) == (
        b"bytes",
        "application/pdf",
        "a.pdf",
    )
    assert (parts[3].text, parts[4].text) == ("T\nwords", "S u\nfound")


def test_thinking_can_be_switched_off():
    asked = completion(thinking={"type": "disabled"}, output_config={"effort": "high"})
    assert (asked.reasoning.effort, asked.reasoning.include) == ("none", False)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "messages[0].content[0].type"),
        (
            {"messages": [{"role": "user", "content": [{"type": "tool_use", "id": "a", "name": "f"}]}]},
            "messages[0].content[0].type",
        ),
        ({"system": [{"type": "text"}]}, "system[0].text"),
        ({"temperature": 1.5}, "temperature"),
        ({"tools": [{"type": "custom"}]}, "tools[0].name"),
        ({"tool_choice": {"type": "sometimes"}}, "tool_choice.type"),
        ({"thinking": {"type": "enabled", "budget_tokens": 5}}, "thinking.budget_tokens"),
        ({"output_config": {"format": {"type": "yaml"}}}, "output_config.format.type"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "file"}}]}]},
            "messages[0].content[0].source.type",
        ),
    ],
    ids=str,
)
def test_a_wrong_field_is_named(body, field):
    with pytest.raises(InvalidArgument) as caught:
        completion(**body)
    assert caught.value.violations[0].field == field
