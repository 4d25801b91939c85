"""What the tests of llm-service share: still time and ids, a fake vendor and a profile of it, a talk with tools."""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import count
from typing import Any, Final

import pytest

from llm_service.domain.model.completion import fold
from llm_service.domain.model.event import FinishReason
from llm_service.domain.model.message import Message, Role, TextPart, text_message
from llm_service.domain.model.profile import ProviderProfile, Quirks, ThinkingKnob
from llm_service.domain.model.request import CompletionRequest, ToolDefinition
from llm_service.providers.fallback import FallbackProvider
from penstock_testkit.clock import ManualClock
from penstock_testkit.vendors.openai_server import OpenAiServer

ROUNDS: Final = 6
# What a call of a tool returns, by the tool's name and its arguments.
Answer = Callable[[str, dict[str, Any]], dict[str, Any]]


class ToolTalk:
    """A conversation with a provider in which `answer` says what every tool call returns."""

    def __init__(
        self,
        provider: FallbackProvider,
        tools: Sequence[ToolDefinition],
        answer: Answer,
    ) -> None:
        self.messages: list[Message] = []
        self.tools = tuple(tools)
        self._provider = provider
        self._answer = answer

    async def ask(self, text: str) -> str:
        """Return what the provider says to a question, once it calls no more tools."""
        self.messages.append(text_message(Role.USER, text))
        for _ in range(ROUNDS):
            request = CompletionRequest(messages=tuple(self.messages), tools=self.tools)
            found = await fold(self._provider.stream(request))
            if found.finished.reason is FinishReason.STOP:
                self.messages.append(text_message(Role.ASSISTANT, found.first.text))
                return found.first.text
            self.messages.append(Message(role=Role.ASSISTANT, tool_calls=found.first.tool_calls))
            for call in found.first.tool_calls:
                result = self._answer(call.name, json.loads(call.arguments))
                part, failed = TextPart(text=json.dumps(result)), "error" in result
                self.messages.append(Message(role=Role.TOOL, tool_call_id=call.id, parts=(part,), is_error=failed))
        raise AssertionError(f"no answer after {ROUNDS} rounds")


@pytest.fixture
def tool_talk() -> type[ToolTalk]:
    """The class of a talk with tools: `tool_talk(provider, tools, answer)`."""
    return ToolTalk


@pytest.fixture
def shop_talk(new_id: Callable[[str], str]) -> Callable[..., ToolTalk]:
    """Begins a talk with the fallback in a fake shop: `shop_talk(now, keys, answer)`.

    `keys` names the tools that are offered and the parameters of each, `answer` says what every call returns.
    """

    def begin(now: datetime, keys: Mapping[str, Iterable[str]], answer: Answer) -> ToolTalk:
        anything: dict[str, Any] = {}
        schemas = {name: {"type": "object", "properties": dict.fromkeys(each, anything)} for name, each in keys.items()}
        tools = [ToolDefinition(name=name, parameters=json.dumps(schema)) for name, schema in schemas.items()]
        return ToolTalk(FallbackProvider(clock=ManualClock(start=now), new_id=new_id), tools, answer)

    return begin


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def new_id() -> Callable[[str], str]:
    numbers = count(1)
    return lambda prefix: f"{prefix}_{next(numbers):06d}"


@pytest.fixture
async def vendor() -> AsyncIterator[OpenAiServer]:
    async with OpenAiServer() as server:
        yield server


@pytest.fixture
def profile(vendor: OpenAiServer) -> ProviderProfile:
    """The fake vendor as a configured provider with OpenAI's own quirks."""
    return ProviderProfile(
        name="openai",
        dialect="openai",
        models=("m1",),
        base_url=vendor.base_url,
        keys=("sk-test-0001-abcd",),
        quirks=Quirks(
            max_tokens="max_completion_tokens",
            thinking=ThinkingKnob.EFFORT,
            lacks=frozenset({"top_k"}),
            passes=frozenset({"metadata", "user"}),
        ),
    )
