"""Reasoning goes back to its vendor as it came: every block with its own proof, encrypted ones too, in tool rounds."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import anthropic
import httpx
import openai
import pytest
import pytest_asyncio

from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.vendors.anthropic_server import AnthropicServer
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import FakeToolCall, Reply
from penstock_testkit.waiting import HANG_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="module")

BLOCKS: list[dict[str, Any]] = [
    {"type": "thinking", "thinking": "First I wonder.", "signature": "c2lnbmF0dXJlIG9uZQ=="},
    {"type": "redacted_thinking", "data": "ZW5jcnlwdGVk"},
    {"type": "thinking", "thinking": "Then I wonder again.", "signature": "c2lnbmF0dXJlIHR3bw=="},
    {"type": "text", "text": "Let me look."},
    {"type": "thinking", "thinking": "", "signature": "c2lnbmF0dXJlIHRocmVl"},
    {"type": "tool_use", "id": "toolu_1", "name": "list_devices", "input": {}},
]
THOUGHTS = [block for block in BLOCKS if "thinking" in block["type"]]
REPLY = Reply(blocks=BLOCKS, finish_reason="tool_calls")
TOOL = {"name": "list_devices", "description": "Devices.", "input_schema": {"type": "object", "properties": {}}}


@dataclass
class Place:
    """A system before two fake vendors."""

    system: RunningSystem
    anthropic: AnthropicServer
    deepseek: OpenAiServer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        claude = await stack.enter_async_context(AnthropicServer())
        deepseek = await stack.enter_async_context(OpenAiServer())
        environment = {
            "ANTHROPIC_API_KEY": "sk-ant-test-0001",
            "ANTHROPIC_BASE_URL": claude.base_url,
            "DEEPSEEK_API_KEY": "sk-test-0002-abcd",
            "DEEPSEEK_BASE_URL": deepseek.base_url,
        }
        folder = tmp_path_factory.mktemp("thinking")
        system = await asyncio.to_thread(start_system, folder / "home", extra_env=environment, demo=False)
        stack.push_async_callback(asyncio.to_thread, system.stop)
        yield Place(system=system, anthropic=claude, deepseek=deepseek)


def plain(content: list[Any]) -> list[dict[str, Any]]:
    """The blocks as the caller would send them back."""
    return [block.model_dump(exclude_none=True) for block in content]


def wire(block: dict[str, Any]) -> dict[str, Any]:
    """A block without what the SDK and cache marks add."""
    return {name: value for name, value in block.items() if name not in {"cache_control", "citations", "caller"}}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_anthropics_blocks_come_and_go_back_unchanged(place: Place, streamed: bool) -> None:
    client = anthropic.AsyncAnthropic(base_url=place.system.url, api_key=place.system.key, max_retries=0)
    asked: dict[str, Any] = {
        "model": "anthropic/m",
        "max_tokens": 4000,
        "tools": [TOOL],
        "thinking": {"type": "enabled", "budget_tokens": 2000},
    }
    messages: list[Any] = [{"role": "user", "content": "Which devices are there?"}]
    place.anthropic.script(REPLY, Reply())
    async with client:
        if streamed:
            async with client.messages.stream(messages=messages, **asked) as stream:
                answer = await stream.get_final_message()
        else:
            answer = await client.messages.create(messages=messages, **asked)
        assert [wire(block) for block in plain(answer.content)] == BLOCKS
        result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "pump-7"}
        messages += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": [result]}]
        await client.messages.create(messages=messages, **asked)
    assert [wire(block) for block in place.anthropic.received[-1].body["messages"][1]["content"]] == BLOCKS


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_items_of_responses_hold_every_block(place: Place, streamed: bool) -> None:
    client = openai.AsyncOpenAI(base_url=f"{place.system.url}/v1", api_key=place.system.key, max_retries=0)
    tool: Any = {"type": "function", "name": "list_devices", "parameters": TOOL["input_schema"], "strict": False}
    given: list[Any] = [{"role": "user", "content": "Which devices are there?"}]
    asked: dict[str, Any] = {"model": "anthropic/m", "tools": [tool], "reasoning": {"effort": "high"}}
    place.anthropic.script(REPLY, Reply())
    async with client:
        if streamed:
            async with client.responses.stream(input=given, **asked) as stream:
                answer: Any = await stream.get_final_response()
        else:
            answer = await client.responses.create(input=given, **asked)
        given += [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in answer.output]
        given.append({"type": "function_call_output", "call_id": "toolu_1", "output": "pump-7"})
        await client.responses.create(input=given, **asked)
    sent = [wire(block) for block in place.anthropic.received[-1].body["messages"][1]["content"]]
    assert [block for block in sent if "thinking" in block["type"]] == THOUGHTS
    assert sent[0] == BLOCKS[0]
    assert sent[-1] == BLOCKS[-1]


async def conversed(place: Place, model: str) -> None:
    """Ask in a conversation, with the device tools."""
    headers = {"Authorization": f"Bearer {place.system.key}"}
    async with httpx.AsyncClient(base_url=place.system.url, headers=headers, timeout=HANG_SECONDS) as http:
        made = (await http.post("/api/v1/conversations", json={})).json()
        body = {"content": "Which devices are there?", "role": "user", "model": model}
        answer = await http.post(f"/api/v1/conversations/{made['id']}/stream", json=body)
    assert "pong" in answer.text, answer.text


async def test_a_conversations_tool_rounds_hand_every_block_back(place: Place) -> None:
    place.anthropic.script(REPLY, Reply())
    await conversed(place, "anthropic/m")
    [said] = [each for each in place.anthropic.received[-1].body["messages"] if each["role"] == "assistant"]
    sent = [wire(block) for block in said["content"]]
    assert [block for block in sent if "thinking" in block["type"]] == THOUGHTS
    assert sent[-1]["type"] == "tool_use"


CALL = Reply(
    thinking=("I must ", "look."),
    tool_calls=[FakeToolCall(name="list_devices", arguments="{}")],
    finish_reason="tool_calls",
)


async def test_a_conversations_tool_rounds_hand_deepseek_its_reasoning(place: Place) -> None:
    place.deepseek.script(CALL, Reply())
    await conversed(place, "deepseek/m")
    [said] = [each for each in place.deepseek.received[-1].body["messages"] if each["role"] == "assistant"]
    assert said["reasoning_content"] == "I must look."


async def test_deepseek_gets_the_reasoning_of_tool_turns_and_of_no_other(place: Place) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "list_devices", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "Hello!"},
        {"role": "assistant", "content": "Hi.", "reasoning_content": "A greeting."},
        {"role": "user", "content": "Which devices are there?"},
        {"role": "assistant", "content": None, "reasoning_content": "I must look.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "pump-7"},
        {"role": "assistant", "content": "pump-7.", "reasoning_content": "One."},
        {"role": "user", "content": "And how is it?"},
    ]
    headers = {"Authorization": f"Bearer {place.system.key}"}
    async with httpx.AsyncClient(base_url=place.system.url, headers=headers, timeout=HANG_SECONDS) as http:
        answer = await http.post("/v1/chat/completions", json={"model": "deepseek/m", "messages": messages})
    assert answer.status_code == 200, answer.text
    sent = place.deepseek.received[-1].body["messages"]
    assert [message.get("reasoning_content") for message in sent] == [
        None,
        None,
        None,
        "I must look.",
        None,
        "One.",
        None,
    ]
    assert json.dumps(sent).count("reasoning_content") == 2
