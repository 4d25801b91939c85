"""Arguments of a tool's call that are no JSON object are shown as the model wrote them, wherever they are shown."""

from typing import Any

import pytest
from penstock.chat.v1 import chat_pb2
from penstock.common.v1.common_pb2 import ToolCall
from penstock.llm.v1 import llm_pb2

from gateway.convert.conversation import message_from_proto
from gateway.convert.event import event_from_proto
from gateway.dialects.anthropic.answer import message_from_proto as anthropic_message_from_proto

CASES = [
    ("", {}),
    ('{"a": 1}', {"a": 1}),
    ('{"a": ', {"_invalid": '{"a": '}),
    ("[1]", {"_invalid": "[1]"}),
    ('"text"', {"_invalid": '"text"'}),
]


@pytest.mark.parametrize(("written", "shown"), CASES)
def test_a_conversation_and_its_events_show_the_same(written: str, shown: dict[str, Any]) -> None:
    message = chat_pb2.Message(tool_calls=[ToolCall(id="c", name="f", arguments_json=written)])
    event = chat_pb2.ChatEvent(
        stream_id="s", sequence=1, tool_call=chat_pb2.ToolCalled(tool_call_id="c", name="f", arguments_json=written)
    )
    call = {"tool_call_id": "c", "name": "f", "arguments": shown}
    assert message_from_proto(message)["tool_calls"] == [call]
    assert {name: event_from_proto(event)[name] for name in call} == call


@pytest.mark.parametrize(
    ("written", "shown"), [("", {}), (" ", {}), ('{"a": 1}', {"a": 1}), ('{"a": ', {"_unparsed": '{"a": '})]
)
def test_an_anthropic_client_gets_the_text_of_what_does_not_parse(written: str, shown: dict[str, Any]) -> None:
    call = ToolCall(id="c", name="f", arguments_json=written)
    message = anthropic_message_from_proto(llm_pb2.Completion(tool_calls=[call]))
    assert message["content"] == [{"type": "tool_use", "id": "c", "name": "f", "input": shown}]
