"""Functions as OpenAI's clients spoke of them before there were tools, by the unmodified SDK."""

from typing import Any

import openai
import pytest
from penstock.llm.v1 import llm_pb2 as pb

from penstock_testkit.services.llm import FINISHED, STARTED

pytestmark = pytest.mark.asyncio(loop_scope="session")

FUNCTION: Any = {"name": "weather", "description": "d", "parameters": {"type": "object", "properties": {"city": {}}}}
QUESTION: list[Any] = [{"role": "user", "content": "hi"}]


def sdk(gateway: Any) -> Any:
    return openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0)


def calls(*deltas: pb.ToolCallDelta) -> list[list[pb.CompletionEvent]]:
    finished = pb.Finished(finish_reason="tool_calls", usage=FINISHED.usage)
    events = [pb.CompletionEvent(tool_call=delta) for delta in deltas]
    return [[pb.CompletionEvent(started=STARTED)], events, [pb.CompletionEvent(finished=finished)]]


WEATHER = (
    pb.ToolCallDelta(call_index=0, id="call_1", name="weather", arguments='{"city"'),
    pb.ToolCallDelta(call_index=0, arguments=':"Bonn"}'),
    pb.ToolCallDelta(call_index=1, id="call_2", name="weather", arguments="{}"),
)


async def test_functions_are_offered_as_tools_one_call_at_a_time(gateway: Any) -> None:
    async with sdk(gateway) as client:
        await client.chat.completions.create(
            model="m", messages=QUESTION, functions=[FUNCTION], function_call={"name": "weather"}
        )
    asked = gateway.fakes.llm.completions[-1]
    assert [(tool.name, tool.description) for tool in asked.tools] == [("weather", "d")]
    assert (asked.tool_choice.mode, asked.tool_choice.name) == (pb.ToolChoice.MODE_NAMED, "weather")
    assert asked.sampling.parallel_tool_calls is False
    assert not asked.extra_json


@pytest.mark.parametrize(("given", "mode"), [("none", pb.ToolChoice.MODE_NONE), ("auto", pb.ToolChoice.MODE_AUTO)])
async def test_whether_to_call_a_function_is_the_callers_choice(gateway: Any, given: Any, mode: int) -> None:
    async with sdk(gateway) as client:
        await client.chat.completions.create(model="m", messages=QUESTION, functions=[FUNCTION], function_call=given)
    assert gateway.fakes.llm.completions[-1].tool_choice.mode == mode


async def test_a_choice_without_functions_is_named_as_left_out(gateway: Any) -> None:
    async with sdk(gateway) as client:
        answer = await client.chat.completions.with_raw_response.create(
            model="m", messages=QUESTION, function_call="auto"
        )
    assert answer.headers["x-dropped-params"] == "function_call"


async def test_a_call_is_answered_as_a_function_call(gateway: Any) -> None:
    gateway.fakes.llm.script = calls(*WEATHER)
    async with sdk(gateway) as client:
        answer = await client.chat.completions.create(model="m", messages=QUESTION, functions=[FUNCTION])
    choice = answer.choices[0]
    assert (choice.finish_reason, choice.message.tool_calls) == ("function_call", None)
    assert (choice.message.function_call.name, choice.message.function_call.arguments) == ("weather", '{"city":"Bonn"}')


async def test_a_streamed_call_is_a_function_call_in_pieces(gateway: Any) -> None:
    gateway.fakes.llm.script = calls(*WEATHER)
    async with sdk(gateway) as client:
        stream = await client.chat.completions.create(model="m", messages=QUESTION, functions=[FUNCTION], stream=True)
        choices = [chunk.choices[0] async for chunk in stream]
    pieces = [choice.delta.function_call for choice in choices if choice.delta.function_call]
    assert [piece.name for piece in pieces] == ["weather", None]
    assert "".join(piece.arguments for piece in pieces) == '{"city":"Bonn"}'
    assert all(choice.delta.tool_calls is None for choice in choices)
    assert choices[-1].finish_reason == "function_call"


async def test_who_speaks_of_tools_is_answered_with_tool_calls(gateway: Any) -> None:
    gateway.fakes.llm.script = calls(*WEATHER)
    async with sdk(gateway) as client:
        answer = await client.chat.completions.create(
            model="m", messages=QUESTION, tools=[{"type": "function", "function": FUNCTION}]
        )
    assert (answer.choices[0].finish_reason, answer.choices[0].message.function_call) == ("tool_calls", None)
    assert len(answer.choices[0].message.tool_calls) == 2


async def test_a_conversation_of_functions_names_each_call_and_its_result(gateway: Any) -> None:
    called: Any = {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{}"}}
    result: Any = {"role": "function", "name": "weather", "content": "rain"}
    async with sdk(gateway) as client:
        await client.chat.completions.create(model="m", messages=[*QUESTION, called, result, called, result])
    messages = gateway.fakes.llm.completions[-1].messages
    ids = [message.tool_calls[0].id for message in messages if message.tool_calls]
    assert ids == [message.tool_call_id for message in messages if message.role == pb.ROLE_TOOL]
    assert len(set(ids)) == 2
    assert all(ids)


async def test_a_result_without_an_id_is_of_the_call_that_waits(gateway: Any) -> None:
    call: Any = {"id": "a", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    asked: list[Any] = [
        *QUESTION,
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "rain"},
    ]
    async with sdk(gateway) as client:
        await client.chat.completions.create(model="m", messages=asked)
    assert gateway.fakes.llm.completions[-1].messages[-1].tool_call_id == "a"


async def test_a_result_that_no_call_waits_for_is_refused_by_its_place(gateway: Any) -> None:
    async with sdk(gateway) as client:
        with pytest.raises(openai.BadRequestError, match="no call of 'weather' waits") as caught:
            await client.chat.completions.create(
                model="m", messages=[*QUESTION, {"role": "function", "name": "weather", "content": "rain"}]
            )
    assert caught.value.param == "messages[1].name"


async def test_functions_and_tools_at_once_are_refused(gateway: Any) -> None:
    async with sdk(gateway) as client:
        with pytest.raises(openai.BadRequestError, match="older form of tools"):
            await client.chat.completions.create(
                model="m", messages=QUESTION, functions=[FUNCTION], tools=[{"type": "function", "function": FUNCTION}]
            )
