"""What coding agents send and want back, by the fields: order, custom tools, choices among tools."""

import json

import pytest
from openai.types.responses.response_input_item import AdditionalTools
from penstock.common.v1.common_pb2 import ToolCall, Usage
from penstock.llm.v1 import llm_pb2 as pb

from gateway.dialects.anthropic.answer import message_from_proto
from gateway.dialects.anthropic.request import message_request_from_json
from gateway.dialects.openai.request import chat_request_from_json
from gateway.dialects.responses.answer import response_from_proto
from gateway.dialects.responses.request import response_request_from_json
from penstock_testkit.services.llm import FINISHED, STARTED

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


def answer(*calls, parts=(), **fields):
    end = pb.Finished(finish_reason="tool_calls", usage=FINISHED.usage)
    return pb.Completion(started=STARTED, finished=end, tool_calls=calls, parts=parts, **fields)


def order(parts):
    return [part.WhichOneof("part") for part in parts]


THOUGHT = [
    {"type": "thinking", "thinking": "A", "signature": "a"},
    {"type": "tool_use", "id": "t1", "name": "f", "input": {}},
    {"type": "thinking", "thinking": "B", "signature": "b"},
    {"type": "tool_use", "id": "t2", "name": "g", "input": {}},
]


def test_interleaved_thinking_keeps_its_order_in_requests():
    messages = [*ASK["messages"], {"role": "assistant", "content": THOUGHT}]
    said = message_request_from_json({**ASK, "messages": messages}).completion.messages[1]
    assert order(said.parts) == ["thinking", "tool_call", "thinking"]
    assert [entry.id for entry in said.tool_calls] == ["t1", "t2"]
    plain = message_request_from_json(
        {**ASK, "messages": [*ASK["messages"], {"role": "assistant", "content": THOUGHT[:2]}]}
    )
    assert order(plain.completion.messages[1].parts) == ["thinking"]


def parts_in_order():
    return [
        pb.CompletionPart(thinking=pb.ThinkingPart(text="A", signature="a")),
        pb.CompletionPart(tool_call=0),
        pb.CompletionPart(thinking=pb.ThinkingPart(text="B", signature="b")),
        pb.CompletionPart(tool_call=1),
        pb.CompletionPart(text="so"),
    ]


def test_interleaved_thinking_keeps_its_order_in_whole_answers():
    calls = [ToolCall(id=f"t{number}", name="f", arguments_json="{}") for number in (1, 2, 3)]
    content = message_from_proto(answer(*calls, parts=parts_in_order()))["content"]
    shown = [block.get("thinking") or block.get("id") or block.get("text") for block in content]
    assert shown == ["A", "t1", "B", "t2", "so", "t3"]
    form = response_request_from_json({"model": "m", "input": "hi"}).form
    output = response_from_proto(answer(*calls, parts=parts_in_order()), form)["output"]
    assert [item["type"] for item in output] == [
        "reasoning", "function_call", "reasoning", "function_call", "message", "function_call",
    ]  # fmt: skip
    given = response_request_from_json({"model": "m", "input": [{"role": "user", "content": "hi"}, *output]})
    assert order(given.completion.messages[1].parts) == ["thinking", "tool_call", "thinking", "tool_call", "text"]


def test_what_is_written_for_an_hour_is_told_apart():
    usage = Usage(cache_write_tokens=30, cache_write_hour_tokens=10)
    told = message_from_proto(pb.Completion(started=STARTED, finished=pb.Finished(usage=usage)))["usage"]
    assert told["cache_creation_input_tokens"] == 30
    assert told["cache_creation"] == {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10}


def test_blocks_of_tools_that_a_vendor_runs_are_named_and_unknown_ones_refused():
    content = [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
        {"type": "text", "text": "so", "citations": [{"type": "x"}]},
    ]
    messages = [*ASK["messages"], {"role": "assistant", "content": content}]
    made = message_request_from_json({**ASK, "messages": messages})
    assert made.dropped == ("messages.server_tool_use", "messages.web_search_tool_result", "messages.citations")
    assert made.completion.messages[1].parts[0].text == "so"


def test_a_custom_call_is_handed_back_as_the_function_it_was():
    given = [
        {"role": "user", "content": "hi"},
        {"type": "custom_tool_call", "call_id": "c1", "name": "apply_patch", "input": TEXT},
        {"type": "function_call", "call_id": "c2", "namespace": "crm", "name": "find", "arguments": "{}"},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "done"},
        {"type": "web_search_call", "id": "w", "status": "completed"},
    ]
    made = response_request_from_json({"model": "m", "input": given, "tools": [PATCH, SPACE]})
    said = made.completion.messages[1]
    assert [(entry.name, json.loads(entry.arguments_json)) for entry in said.tool_calls] == [
        ("apply_patch", {"input": TEXT}), ("crm__find", {}),
    ]  # fmt: skip
    assert made.completion.messages[2].tool_call_id == "c1"
    assert made.dropped == ("input.web_search_call",)


def test_tools_among_the_items_are_offered_too():
    AdditionalTools(type="additional_tools", role="developer", tools=[])
    given = [{"type": "additional_tools", "role": "developer", "tools": [PATCH]}, {"role": "user", "content": "hi"}]
    made = response_request_from_json({"model": "m", "input": given}).completion
    assert [tool.name for tool in made.tools] == ["apply_patch"]
    assert len(made.messages) == 1


def test_a_custom_call_of_a_model_that_wrote_no_json_is_the_text_it_wrote():
    form = response_request_from_json({"model": "m", "input": "hi", "tools": [PATCH]}).form
    plain = answer(ToolCall(id="c", name="apply_patch", arguments_json="*** Begin"))
    assert response_from_proto(plain, form)["output"][0]["input"] == "*** Begin"


CHOICES = [
    ({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]}, ["f"], 3),
    ({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "web_search"}]}, [], 2),
    ({"type": "function", "name": "g"}, ["f", "g"], 4),
    ("none", ["f", "g"], 2),
    ("required", ["f", "g"], 3),
]


@pytest.mark.parametrize(("choice", "offered", "mode"), CHOICES)
def test_every_choice_among_tools_has_its_meaning_in_both_dialects_of_openai(choice, offered, mode):
    tools = [{"type": "function", "name": name} for name in ("f", "g")]
    made = response_request_from_json({"model": "m", "input": "hi", "tools": tools, "tool_choice": choice}).completion
    assert ([tool.name for tool in made.tools], made.tool_choice.mode) == (offered, mode)
    chat = [{"type": "function", "function": {"name": name}} for name in ("f", "g")]
    if isinstance(choice, dict) and choice["type"] == "function":
        choice = {"type": "function", "function": {"name": "g"}}
    elif isinstance(choice, dict):
        allowed = [{"type": entry["type"], "function": {"name": entry.get("name", "")}} for entry in choice["tools"]]
        choice = {"type": "allowed_tools", "allowed_tools": {"mode": choice["mode"], "tools": allowed}}
    body = {"model": "m", "messages": ASK["messages"], "tools": chat, "tool_choice": choice}
    made = chat_request_from_json(body).completion
    assert ([tool.name for tool in made.tools], made.tool_choice.mode) == (offered, mode)
