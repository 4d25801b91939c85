"""Timeouts: how long an answer may take to begin and to go on, for whichever provider is inside."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from llm_service.domain.model.event import shows_content
from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.provider import EmbeddingRequest, Embeddings, EventBatch, ModelCard, Provider
from llm_service.domain.model.request import CompletionRequest
from penstock_kit.idle_timeout import IdleTimeout


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds: until the first content of a stream, between contents, and for an answer fetched whole."""

    first_token: float
    idle: float
    whole: float


class TimeoutProvider:
    """Ends an answer that does not begin or does not go on in time. Comments and pings do not count as going on."""

    def __init__(self, inner: Provider, *, name: str, timeouts: Timeouts) -> None:
        self._inner = inner
        self._name = name
        self._timeouts = timeouts

    async def stream(self, request: CompletionRequest) -> AsyncGenerator[EventBatch]:
        """Yield the inner provider's answer. Raises ProviderError FIRST_TOKEN_TIMEOUT, IDLE_TIMEOUT or TIMEOUT."""
        limit = self._timeouts.first_token if request.streaming else self._timeouts.whole
        kind = FailureKind.FIRST_TOKEN_TIMEOUT if request.streaming else FailureKind.TIMEOUT
        try:
            async with asyncio.timeout(None) as timeout, aclosing(self._inner.stream(request)) as batches:
                with IdleTimeout(timeout) as wait:
                    wait.start(limit)
                    async for batch in batches:
                        # The wait is for the provider, never for the caller who has the batch.
                        wait.pause()
                        yield batch
                        if shows_content(batch):
                            limit, kind = self._timeouts.idle, FailureKind.IDLE_TIMEOUT
                            wait.start(limit)
                        else:
                            wait.resume()
        except TimeoutError:
            raise self._timeout_error(kind, limit, request.model) from None

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Return the inner provider's vectors within the limit for whole answers."""
        try:
            async with asyncio.timeout(self._timeouts.whole):
                return await self._inner.embed(request)
        except TimeoutError:
            raise self._timeout_error(FailureKind.TIMEOUT, self._timeouts.whole, request.model) from None

    async def list_models(self) -> Sequence[ModelCard]:
        """Return the inner provider's models within the limit for a first token."""
        try:
            async with asyncio.timeout(self._timeouts.first_token):
                return await self._inner.list_models()
        except TimeoutError:
            raise self._timeout_error(FailureKind.TIMEOUT, self._timeouts.first_token, "") from None

    async def close(self) -> None:
        """Close the inner provider."""
        await self._inner.close()

    def _timeout_error(self, kind: FailureKind, limit: float, model: str) -> ProviderError:
        what = {
            FailureKind.FIRST_TOKEN_TIMEOUT: "did not begin to answer",
            FailureKind.IDLE_TIMEOUT: "stopped in the middle of its answer",
        }.get(kind, "did not answer")
        message = f"{self._name} {what} within {limit:g} s"
        return ProviderError(message, provider=self._name, failure=kind, model=model)
