"""The provider port, which every vendor's adapter and the offline provider implement."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from llm_service.domain.model.event import Event
from llm_service.domain.model.request import CompletionRequest
from llm_service.domain.model.usage import Usage

EventBatch = Sequence[Event]
EventStream = AsyncGenerator[EventBatch]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingRequest:
    """A request for embeddings of texts or of token ids. `dimensions` 0 is the model's own length.

    `extra` holds knobs without a field here, by their name in the caller's dialect.
    """

    model: str
    inputs: tuple[str, ...] = ()
    token_inputs: tuple[tuple[int, ...], ...] = ()
    dimensions: int = 0
    end_user: str = ""
    idempotency_key: str = ""
    extra: Mapping[str, object] = field(default_factory=dict[str, object])

    @property
    def count(self) -> int:
        """The number of inputs, and of vectors in the response."""
        return len(self.inputs) or len(self.token_inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Embeddings:
    """The vectors in the order of the inputs, each as little-endian float32 bytes, and the knobs that were dropped."""

    model: str
    values: tuple[bytes, ...]
    usage: Usage
    dropped_params: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """A model that a provider lists. `created` is Unix seconds, 0 unknown; `context_window` tokens, 0 unknown."""

    id: str
    created: int = 0
    context_window: int = 0
    capabilities: tuple[str, ...] = ("chat",)


@runtime_checkable
class TokenCounter(Protocol):
    """A provider whose vendor counts the tokens of a prompt without answering it."""

    async def count_tokens(self, request: CompletionRequest) -> int:
        """Return how many tokens the prompt is. Raises ProviderError."""
        ...


class Provider(Protocol):
    """Generates completions and embeddings.

    All methods raise :class:`~llm_service.domain.model.failure.ProviderError` and nothing vendor-made.
    """

    def stream(self, request: CompletionRequest) -> EventStream:
        """Yield the events of a completion in batches: all that one read from the vendor brought.

        `Started` first, `Finished` last; a stream that ends without `Finished` raised. Closing the
        generator closes the upstream call.
        """
        ...

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Return one vector for each input, in their order."""
        ...

    async def list_models(self) -> Sequence[ModelCard]:
        """Return the models the vendor offers, for the configured ones when it does not say."""
        ...

    async def close(self) -> None:
        """Close the connections to the vendor. The provider is not used afterwards."""
        ...
