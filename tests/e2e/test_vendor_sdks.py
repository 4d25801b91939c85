"""What the vendors' own SDKs get through the whole system from vendors that bend their formats."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import anthropic
import openai
import pytest
import pytest_asyncio

from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.vendors.anthropic_server import AnthropicServer
from penstock_testkit.vendors.gemini_server import GeminiServer
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import FakeToolCall, Reply

pytestmark = pytest.mark.asyncio(loop_scope="module")

HELLO: list[Any] = [{"role": "user", "content": "hi"}]


@dataclass
class Place:
    """A system before fake vendors, and clients of it."""

    claude: AnthropicServer
    vendor: OpenAiServer
    gemini: GeminiServer
    chat: Any
    messages: Any


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        claude = await stack.enter_async_context(AnthropicServer())
        vendor = await stack.enter_async_context(OpenAiServer())
        gemini = await stack.enter_async_context(GeminiServer())
        environment = {
            "GEMINI_API_KEY": "test-0003-abcdefgh",
            "GEMINI_BASE_URL": gemini.base_url,
            "ANTHROPIC_API_KEY": "sk-ant-test-0001",
            "ANTHROPIC_BASE_URL": claude.base_url,
            "OPENAI_API_KEY": "sk-test-0002-abcd",
            "OPENAI_BASE_URL": vendor.base_url,
            "LLM_FALLBACK": "false",
        }
        folder = tmp_path_factory.mktemp("sdks")
        system: RunningSystem = await asyncio.to_thread(
            start_system, folder / "home", extra_env=environment, demo=False
        )
        stack.push_async_callback(asyncio.to_thread, system.stop)
        chat = openai.AsyncOpenAI(base_url=f"{system.url}/v1", api_key=system.key, max_retries=0)
        messages = anthropic.AsyncAnthropic(base_url=system.url, api_key=system.key, max_retries=0)
        yield Place(claude=claude, vendor=vendor, gemini=gemini, chat=chat, messages=messages)
        await chat.close()
        await messages.close()


def events(*chunks: dict[str, Any], end: bytes = b"\n") -> Reply:
    """A stream of OpenAI's chunks whose lines end in `end`."""
    lines = [b"data: " + json.dumps(chunk).encode() + end * 2 for chunk in chunks]
    return Reply(raw=b"".join(lines) + b"data: [DONE]" + end * 2, content_type="text/event-stream")


def delta(reason: str | None = None, **fields: Any) -> dict[str, Any]:
    """A chunk of one choice."""
    choices = [{"index": 0, "delta": fields, "finish_reason": reason}]
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}


async def test_a_stream_of_a_vendor_with_carriage_returns_is_read(place: Place) -> None:
    place.vendor.script(events(delta(content="whole"), delta("stop"), end=b"\r"))
    stream = await place.chat.chat.completions.create(model="openai/m", messages=HELLO, stream=True)
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "whole"
    assert chunks[-1].choices[0].finish_reason == "stop"


@pytest.mark.parametrize("stop", ["", [], [""]])
async def test_an_empty_stop_is_none(place: Place, stop: Any) -> None:
    await place.chat.chat.completions.create(model="openai/m", messages=HELLO, stop=stop)
    assert "stop" not in place.vendor.received[-1].body
    await place.chat.chat.completions.create(model="openai/m", messages=HELLO, stop=["", "END"])
    assert place.vendor.received[-1].body["stop"] == ["END"]
    asked: dict[str, Any] = {"stop_sequences": [stop] if isinstance(stop, str) else stop}
    raw = await place.messages.messages.with_raw_response.create(
        model="anthropic/m", max_tokens=50, messages=HELLO, **asked
    )
    assert "stop_sequences" not in place.claude.received[-1].body
    assert "x-dropped-params" not in raw.headers


@pytest.mark.parametrize("said", ["pause_turn", "model_context_window_exceeded", "refusal"])
async def test_how_claude_ended_reaches_its_own_clients(place: Place, said: str) -> None:
    place.claude.script(*(Reply(finish_reason=said, refusal="No." if said == "refusal" else ""),) * 2)
    asked: dict[str, Any] = {"model": "anthropic/m", "max_tokens": 50, "messages": HELLO}
    whole = await place.messages.messages.create(**asked)
    async with place.messages.messages.stream(**asked) as stream:
        streamed = await stream.get_final_message()
    category = "bio" if said == "refusal" else None
    for message in (whole, streamed):
        assert message.stop_reason == said
        assert (message.stop_details and message.stop_details.category) == category


WEATHER: dict[str, Any] = {"name": "weather", "parameters": {"type": "object", "properties": {"city": {}}}}


@pytest.mark.parametrize("model", ["openai/m", "anthropic/m"])
async def test_a_program_of_the_time_before_tools_goes_through_a_whole_round(place: Place, model: str) -> None:
    call = FakeToolCall(name="weather", arguments='{"city":"Bonn"}')
    (place.claude if model.startswith("anthropic") else place.vendor).script(
        Reply(chunks=(), tool_calls=(call,), finish_reason="tool_calls"), Reply(chunks=("rain",))
    )
    asked: dict[str, Any] = {"model": model, "functions": [WEATHER]}
    first = (await place.chat.chat.completions.create(messages=HELLO, **asked)).choices[0]
    assert first.finish_reason == "function_call"
    assert json.loads(first.message.function_call.arguments) == {"city": "Bonn"}
    told = [
        *HELLO,
        first.message.model_dump(exclude_none=True),
        {"role": "function", "name": "weather", "content": "7"},
    ]
    second = await place.chat.chat.completions.create(messages=told, **asked)
    assert second.choices[0].message.content == "rain"
    received = (place.claude if model.startswith("anthropic") else place.vendor).received[-1].body
    assert "functions" not in received
    called, result = received["messages"][-2:]
    if model.startswith("anthropic"):
        assert called["content"][-1]["id"] == result["content"][0]["tool_use_id"]
    else:
        assert called["tool_calls"][0]["id"] == result["tool_call_id"]
        assert received["parallel_tool_calls"] is False


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_a_large_picture_of_gemini_arrives_and_goes_back(place: Place, streamed: bool) -> None:
    data = base64.b64encode(bytes(3 * 1024 * 1024)).decode()
    parts = [{"text": "Here: "}, {"inlineData": {"mimeType": "image/png", "data": data}}]
    body = json.dumps({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]}).encode()
    event = Reply(raw=b"data: " + body + b"\n\n", content_type="text/event-stream")
    place.gemini.script(event if streamed else Reply(raw=body))
    asked: dict[str, Any] = {"model": "gemini/gemini-2.5-flash-image", "modalities": ["image", "text"]}
    answer = await place.chat.chat.completions.create(messages=HELLO, stream=streamed, **asked)
    if streamed:
        images = [image async for chunk in answer for image in getattr(chunk.choices[0].delta, "images", [])]
    else:
        images = answer.choices[0].message.images
    assert images == [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}]
    told: list[Any] = [*HELLO, {"role": "assistant", "content": "Here: ", "images": images}, *HELLO]
    await place.chat.chat.completions.create(messages=told, **asked)
    received = place.gemini.received[-1].body
    assert received["generationConfig"]["responseModalities"] == ["IMAGE", "TEXT"]
    assert [part["inlineData"]["data"] for part in received["contents"][1]["parts"] if "inlineData" in part] == [data]
