"""The engine port: an engine generates the answer of a turn."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.event import MessageChunk, Thinking, ToolCall, ToolResult
from chat_stream_service.domain.model.language_model import NO_CACHE_WISH, ResponseCache
from chat_stream_service.domain.model.message import PromptMessage
from chat_stream_service.domain.model.timeline import Timeline
from chat_stream_service.domain.model.usage import NO_COST, NO_USAGE, Cost, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonaSettings:
    """The settings of the personality in a turn: system prompt, temperature and tools (empty: all)."""

    prompt: str = ""
    temperature: float | None = None
    tools: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One question to be answered: the history before it, the message itself, and how to answer.

    `summary` tells in short what was said before `history` begins. `ahead` is what the engine's look_ahead returned.
    `notices` are what the asker is told of how he is answered.
    """

    stream_id: str
    conversation_id: str
    tenant_id: str
    user_id: str
    history: tuple[PromptMessage, ...]
    question: PromptMessage
    timeline: Timeline
    model: str = ""
    persona: PersonaSettings = PersonaSettings()
    use_tools: bool = True
    summary: str = ""
    ahead: asyncio.Task[Any] | None = None
    cache: ResponseCache = NO_CACHE_WISH
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSelected:
    """Bookkeeping: which model (``provider/model``) answers, and whether it does so without the prompt's pictures."""

    model: str
    drops_pictures: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundFinished:
    """Bookkeeping: one model call of the turn ended; the last one's finish reason is the turn's."""

    finish_reason: str
    usage: Usage = NO_USAGE
    cost: Cost = NO_COST


TurnEvent = MessageChunk | Thinking | ToolCall | ToolResult | ModelSelected | RoundFinished


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """The description of an engine. Features are among ``memory``, ``tools``, ``personalities``."""

    name: str
    version: str
    description: str
    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineHealth:
    """Whether an engine can answer now; `detail` says why not."""

    healthy: bool
    detail: str = ""


class Engine(Protocol):
    """Generates answers. Sequences, event log, terminal event and storage are the stream's, not the engine's."""

    def look_ahead(self, owner: Owner, question: PromptMessage) -> asyncio.Task[Any] | None:
        """Begin what needs no more than the question, while its conversation is read; None when there is nothing.

        It is cancelled when there is to be no turn, and never fails.
        """
        ...

    def generate_response(self, turn: Turn) -> AsyncGenerator[Sequence[TurnEvent]]:
        """Yield the answer as it is made, batches of what arrived together; PenstockError when it fails.

        Closing the generator cancels everything it started.
        """
        ...

    def get_engine_info(self) -> EngineInfo:
        """Return the description of the engine."""
        ...

    async def health_check(self) -> EngineHealth:
        """Return whether the engine can answer now; never raises."""
        ...
