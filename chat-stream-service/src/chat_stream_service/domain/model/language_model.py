"""The port to a language model: one question, its answer as batches of events."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from chat_stream_service.domain.model.message import PromptMessage
from chat_stream_service.domain.model.usage import NO_COST, NO_USAGE, Cost, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool as the model is told of it; `schema_json` is the JSON Schema of its arguments."""

    name: str
    description: str
    schema_json: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseCache:
    """How the response caches may be used; a `threshold` of 0 is the operator's."""

    bypass: bool = False
    exact: bool = False
    semantic: bool = False
    threshold: float = 0.0


NO_CACHE_WISH: Final = ResponseCache()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """A question to a model. An empty `model` leaves the choice to llm-service's policy.

    `use_tools` False: the tools are told (the history may hold calls of them) but may not be called.
    """

    messages: tuple[PromptMessage, ...]
    tools: tuple[ToolSpec, ...] = ()
    model: str = ""
    temperature: float | None = None
    use_tools: bool = True
    include_thinking: bool = True
    cache: ResponseCache = NO_CACHE_WISH


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStarted:
    """Who answers. May come again, with another provider, before any content.

    `drops_pictures` True: it takes no pictures, and was not shown those of the question.
    """

    provider: str
    model: str
    cache: str = ""
    drops_pictures: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    """More text (a refusal is text too)."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinkingDelta:
    """More reasoning; the signature, the last of a block, lets the same turn hand it back to its vendor.

    `redacted` is a block of its own that the vendor encrypted.
    """

    text: str
    signature: str = ""
    redacted: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallDelta:
    """More of the call number `index`: id and name come once, arguments in pieces of JSON text."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFinished:
    """The end: ``stop``, ``length``, ``tool_calls``, ``content_filter`` or ``budget_exceeded``."""

    finish_reason: str
    usage: Usage = NO_USAGE
    cost: Cost = NO_COST


ModelEvent = ModelStarted | TextDelta | ThinkingDelta | ToolCallDelta | ModelFinished


class LanguageModel(Protocol):
    """Answers questions, piece by piece."""

    def stream(self, request: ModelRequest) -> AsyncGenerator[Sequence[ModelEvent]]:
        """Yield whatever arrived together as one batch; the last event is ModelFinished.

        Closing the generator cancels the call at the provider. Raises PenstockError when it fails.
        """
        ...
