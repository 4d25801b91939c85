"""Coding agents and chat pages before odd vendors: the SDKs' own view of a whole system."""

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

SMILE = "\U0001f600"
LONG = "mcp__server__" + "long" * 20
HELLO: list[Any] = [{"role": "user", "content": "hi"}]
PATCH: Any = {"type": "custom", "name": "apply_patch", "format": {"type": "text"}}
TEXT = '*** Begin Patch\n"x"'
PICTURE = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}


@dataclass
class Place:
    """A system before OpenAI, Anthropic and a server of one's own, all of them fakes."""

    system: RunningSystem
    openai: OpenAiServer
    own: OpenAiServer
    anthropic: AnthropicServer

    def codex(self) -> openai.AsyncOpenAI:
        """OpenAI's client, which does not try again by itself."""
        return openai.AsyncOpenAI(base_url=f"{self.system.url}/v1", api_key=self.system.key, max_retries=0)

    def claude(self) -> anthropic.AsyncAnthropic:
        """Anthropic's client, which does not try again by itself."""
        return anthropic.AsyncAnthropic(base_url=self.system.url, api_key=self.system.key, max_retries=0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    folder = tmp_path_factory.mktemp("agents")
    async with AsyncExitStack() as stack:
        vendor = await stack.enter_async_context(OpenAiServer())
        own = await stack.enter_async_context(OpenAiServer())
        claude = await stack.enter_async_context(AnthropicServer())
        file = folder / "llm.yaml"
        file.write_text(f"providers:\n  - {{name: own, base_url: '{own.base_url}', models: [m]}}\n")
        environment = {
            "OPENAI_API_KEY": "sk-test-0001-abcd",
            "OPENAI_BASE_URL": vendor.base_url,
            "ANTHROPIC_API_KEY": "sk-ant-test-0001",
            "ANTHROPIC_BASE_URL": claude.base_url,
            "LLM_CONFIG_FILE": str(file),
            "LLM_FALLBACK": "false",
        }
        system = await asyncio.to_thread(start_system, folder / "home", extra_env=environment, demo=False)
        stack.push_async_callback(asyncio.to_thread, system.stop)
        yield Place(system=system, openai=vendor, own=own, anthropic=claude)


def chunks(*deltas: dict[str, Any], reason: str = "stop") -> Reply:
    """Return a stream of these deltas, halves of characters in them as escapes."""
    choices = [*({"index": 0, "delta": delta} for delta in deltas), {"index": 0, "delta": {}, "finish_reason": reason}]
    bodies = [{"id": "c", "model": "m", "choices": [choice]} for choice in choices]
    raw = b"".join(b"data: " + json.dumps(body).encode() + b"\n\n" for body in bodies)
    return Reply(raw=raw, content_type="text/event-stream")


def call(name: str, arguments: str, **more: Any) -> dict[str, Any]:
    return {"tool_calls": [{"function": {"name": name, "arguments": arguments}, **more}]}


TWO = chunks(call("f", '{"x":1}', index=0, id="a1"), call("g", '{"y":2}', index=0, id="a2"))
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("f", "g")]


async def test_two_calls_with_one_index_are_two_for_both_sdks(place: Place) -> None:
    place.own.script(TWO, TWO)
    async with place.codex() as codex, place.claude() as claude:
        asked: Any = {"model": "own/m", "messages": HELLO, "tools": TOOLS}
        async with codex.chat.completions.stream(**asked) as stream:
            choice = (await stream.get_final_completion()).choices[0]
        tools: Any = [{"name": name, "input_schema": {"type": "object"}} for name in ("f", "g")]
        async with claude.messages.stream(model="own/m", max_tokens=99, messages=HELLO, tools=tools) as events:
            message = await events.get_final_message()
    assert choice.finish_reason == "tool_calls"
    assert [(each.function.name, each.function.arguments) for each in choice.message.tool_calls or ()] == [
        ("f", '{"x":1}'), ("g", '{"y":2}'),
    ]  # fmt: skip
    assert message.stop_reason == "tool_use"
    assert [(block.name, block.input) for block in message.content if block.type == "tool_use"] == [
        ("f", {"x": 1}), ("g", {"y": 2}),
    ]  # fmt: skip


async def test_a_character_cut_in_two_and_the_words_of_an_error_reach_the_caller(place: Place) -> None:
    # The pause makes two reads of it: what fails before anything was shown is asked again.
    broken = Reply(chunks=("so far",), chunk_delay=0.2, tail=b"event: error\ndata: the cable broke\n\n")
    place.own.script(chunks({"content": "hi \ud83d"}, {"content": "\ude00"}), broken)
    async with place.codex() as codex:
        asked: Any = {"model": "own/m", "messages": HELLO, "stream": True}
        said = [chunk.choices[0].delta.content or "" async for chunk in await codex.chat.completions.create(**asked)]
        assert "".join(said) == f"hi {SMILE}"
        with pytest.raises(openai.APIError, match="the cable broke"):
            [chunk async for chunk in await codex.chat.completions.create(**asked)]


async def test_a_refusal_of_one_model_leaves_the_others_and_the_key_in_use(place: Place) -> None:
    place.own.script(
        Reply(status=403, error="no access to model", code="model_not_found"),
        Reply(status=429, error="slow down", code="rate_limit_exceeded"),
    )
    async with place.codex() as codex:
        with pytest.raises(openai.NotFoundError) as forbidden:
            await codex.chat.completions.create(model="own/secret", messages=HELLO)
        with pytest.raises(openai.RateLimitError) as limited:
            await codex.chat.completions.create(model="own/busy", messages=HELLO)
        answer = await codex.chat.completions.create(model="own/m", messages=HELLO)
    assert forbidden.value.code == "model_not_found"
    assert forbidden.value.response.headers["x-should-retry"] == "false"
    assert limited.value.code == "rate_limit_exceeded"
    assert limited.value.response.headers["x-should-retry"] == "true"
    assert limited.value.response.headers["retry-after"] == "10"
    assert answer.choices[0].message.content == "pong"


async def test_an_overloaded_vendor_is_overloaded_for_anthropics_sdk(place: Place) -> None:
    place.anthropic.script(*[Reply(status=529, error="Overloaded", code="overloaded_error")] * 2)
    async with place.claude() as claude:
        with pytest.raises(anthropic.APIStatusError) as caught:
            await claude.messages.create(model="anthropic/claude-haiku-4-5", max_tokens=9, messages=HELLO)
    body: Any = caught.value.body
    assert (caught.value.status_code, body["error"]["type"]) == (503, "overloaded_error")


async def test_codex_patches_through_a_function_of_one_text(place: Place) -> None:
    called = Reply(
        tool_calls=[FakeToolCall(name="apply_patch", arguments=json.dumps({"input": TEXT}), id="c1")],
        finish_reason="tool_calls",
    )
    place.openai.script(called, called, Reply())
    async with place.codex() as codex:
        whole = await codex.responses.create(model="openai/gpt-5", input=HELLO, tools=[PATCH])
        async with codex.responses.stream(model="openai/gpt-5", input=HELLO, tools=[PATCH]) as stream:
            streamed = await stream.get_final_response()
        for answer in (whole, streamed):
            [item] = answer.output
            assert item.type == "custom_tool_call"
            assert (item.call_id, item.name, item.input) == ("c1", "apply_patch", TEXT)
        turn: Any = [*HELLO, whole.output[0].model_dump(exclude_none=True)]
        turn.append({"type": "custom_tool_call_output", "call_id": "c1", "output": "done"})
        await codex.responses.create(model="openai/gpt-5", input=turn, tools=[PATCH])
    sent = place.openai.received[-1].body
    assert sent["tools"][0]["function"]["parameters"]["properties"] == {"input": {"type": "string"}}
    function = sent["messages"][1]["tool_calls"][0]["function"]
    assert (function["name"], json.loads(function["arguments"])) == ("apply_patch", {"input": TEXT})
    assert sent["messages"][2] == {"role": "tool", "tool_call_id": "c1", "content": "done"}


async def test_a_long_name_of_a_tool_is_short_for_openai_and_whole_for_the_caller(place: Place) -> None:
    tools: Any = [{"type": "function", "function": {"name": LONG, "parameters": {"type": "object"}}}]
    async with place.codex() as codex:
        await codex.chat.completions.create(model="openai/gpt-5", messages=HELLO, tools=tools)
        short = place.openai.received[-1].body["tools"][0]["function"]["name"]
        assert len(short) <= 64
        place.openai.script(Reply(tool_calls=[FakeToolCall(name=short, arguments="{}")], finish_reason="tool_calls"))
        answer = await codex.chat.completions.create(model="openai/gpt-5", messages=HELLO, tools=tools)
    [called] = answer.choices[0].message.tool_calls or ()
    assert called.type == "function"
    assert called.function.name == LONG


async def test_claude_codes_betas_marks_and_pictures_arrive(place: Place) -> None:
    tool: Any = {
        "name": "shot",
        "input_schema": {"type": "object"},
        "cache_control": {"type": "ephemeral", "ttl": "1h"},
    }
    turn: list[Any] = [
        *HELLO,
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "shot", "input": {}}]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "image", "source": PICTURE}]}
            ],
        },
    ]
    asked: Any = {
        "max_tokens": 99,
        "messages": turn,
        "tools": [tool],
        "betas": ["context-management-2025-06-27"],
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    }
    async with place.claude() as claude:
        await claude.beta.messages.create(model="anthropic/claude-sonnet-4-5", **asked)
        raw = await claude.beta.messages.with_raw_response.create(model="own/m", **asked)
    sent = place.anthropic.received[-1]
    assert "context-management-2025-06-27" in sent.headers["anthropic-beta"]
    assert sent.body["context_management"]["edits"][0]["keep"] == "all"
    assert sent.body["tools"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    dropped = set(raw.headers["x-dropped-params"].split(","))
    assert dropped == {"context_management", "anthropic-beta", "cache_control"}
    messages = place.own.received[-1].body["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "user"]
    assert messages[3]["content"][1]["image_url"]["url"].startswith("data:image/png;base64,")


async def test_a_chat_pages_request_with_fields_of_its_own_is_answered(place: Place) -> None:
    """As Open WebUI sends it to a server of one's own, the list of models first."""
    headers = {"Authorization": f"Bearer {place.system.key}"}
    body = {
        "model": "own/m",
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
        ],
        "temperature": 0.7,
        "frequency_penalty": 0,
        "logit_bias": {},
        "metadata": {"chat_id": "1"},
        "tools": [],
        "stop": [],
        "user": "me",
    }
    async with httpx.AsyncClient(base_url=place.system.url, headers=headers, timeout=HANG_SECONDS) as http:
        listed = (await http.get("/v1/models")).json()["data"]
        assert "own/m" in {model["id"] for model in listed}
        answer = await http.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    assert "x-dropped-params" not in answer.headers
    assert answer.text.rstrip().endswith("data: [DONE]")
    sent = place.own.received[-1].body
    assert sent["messages"] == [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}]
    assert "tools" not in sent
