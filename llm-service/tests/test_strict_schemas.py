"""Schemas as OpenAI's strict mode, zod and older generators write them, for Claude, who knows one type at a place."""

from dataclasses import replace
from typing import Any

import anthropic
import orjson
import pytest

from llm_service.domain.model.message import Message, Role, ToolCall, text_message
from llm_service.domain.model.request import ResponseForm, ResponseFormat, ToolDefinition
from llm_service.providers.anthropic_request import AnthropicRequest, request_of
from llm_service.providers.anthropic_schema import with_one_type
from llm_service.testing import question

NEWER, OLDER = "claude-sonnet-4-5", "claude-sonnet-4-20250514"


def formed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema that Claude is asked to keep to."""
    form = ResponseFormat(form=ResponseForm.JSON_SCHEMA, schema=orjson.dumps(schema).decode())
    asked = replace(question(model=NEWER), response_format=form)
    return request_of(asked, anthropic.transform_schema).body["output_config"]["format"]["schema"]


def of_property(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return formed({"type": "object", "properties": {"p": schema}, **more})["properties"]["p"]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"type": ["string", "null"]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ({"type": ["integer"]}, {"type": "integer"}),
        (
            {"type": ["array", "null"], "items": {"type": ["number", "null"]}, "description": "d"},
            {
                "anyOf": [
                    {"type": "array", "items": {"anyOf": [{"type": "number"}, {"type": "null"}]}}, {"type": "null"},
                ],
                "description": "d",
            },
        ),
        ({"type": ["string", "null"], "enum": ["a", None]}, {"enum": ["a", None]}),
        ({"items": {"type": "string"}}, {"type": "array", "items": {"type": "string"}}),
        ({"properties": {}}, {"type": "object", "properties": {}, "additionalProperties": False}),
    ],
)  # fmt: skip
def test_several_types_are_alternatives_and_a_type_that_is_told_otherwise_is_said(
    given: dict[str, Any], sent: dict[str, Any]
) -> None:
    assert of_property(given) == sent


def test_definitions_by_their_older_name_are_found() -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$ref": "#/definitions/Q",
        "definitions": {"Q": {"type": "object", "properties": {"z": {"type": ["string", "null"]}}}},
    }
    made = formed(schema)
    assert made["$ref"] == "#/$defs/Q"
    assert made["$defs"]["Q"]["properties"]["z"]["anyOf"]
    assert "definitions" not in str(made)


def test_what_is_said_of_one_type_stays_with_it() -> None:
    made = with_one_type({"type": ["string", "integer"], "minimum": 1, "pattern": "^a", "title": "t"})
    assert made == {
        "title": "t", "anyOf": [{"type": "string", "pattern": "^a"}, {"type": "integer", "minimum": 1}],
    }  # fmt: skip


def tools(schema: dict[str, Any], model: str) -> AnthropicRequest:
    tool = ToolDefinition(name="f", parameters=orjson.dumps(schema).decode(), strict=True)
    return request_of(replace(question(model=model), tools=(tool,)), anthropic.transform_schema)


def test_parameters_that_are_kept_to_are_in_the_subset_that_claude_keeps_to() -> None:
    schema = {"type": "object", "properties": {"n": {"type": ["integer", "null"], "minimum": 1}}, "required": ["n"]}
    made = tools(schema, NEWER)
    [tool] = made.body["tools"]
    assert (tool["strict"], tool["input_schema"]["additionalProperties"], made.dropped) == (True, False, [])
    assert "minimum" not in tool["input_schema"]["properties"]["n"]["anyOf"][0]


def test_parameters_beyond_the_subset_and_older_models_are_not_kept_to_which_is_named() -> None:
    beyond: dict[str, Any] = {"type": "object", "properties": {"n": {}}}
    for made in (tools(beyond, NEWER), tools(beyond, OLDER)):
        [tool] = made.body["tools"]
        assert ("strict" in tool, tool["input_schema"], made.dropped) == (False, beyond, ["tools.strict"])


def test_ids_of_calls_of_other_vendors_are_ids_that_claude_takes() -> None:
    odd = "functions.weather:0"
    calls = Message(role=Role.ASSISTANT, tool_calls=(ToolCall(id=odd, name="weather", arguments="{}"),))
    result = replace(text_message(Role.TOOL, "rain"), tool_call_id=odd)
    asked = replace(question(model=NEWER), messages=(text_message(Role.USER, "hi"), calls, result))
    _, called, told = request_of(asked, anthropic.transform_schema).body["messages"]
    assert called["content"][0]["id"] == told["content"][0]["tool_use_id"]
    assert called["content"][0]["id"].startswith("functions_weather_0_")
    plain = replace(calls, tool_calls=(ToolCall(id="toolu_1", name="weather", arguments="{}"),))
    kept = request_of(replace(asked, messages=(asked.messages[0], plain)), anthropic.transform_schema)
    assert kept.body["messages"][1]["content"][0]["id"] == "toolu_1"
