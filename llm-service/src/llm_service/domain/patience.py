"""Patience: how long an answer may take to begin and to go on, for whichever provider is inside."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from llm_service.domain.completion import Completion
from llm_service.domain.event import Finished, is_content
from llm_service.domain.failure import FailureKind, ProviderError
from llm_service.domain.provider import Embedding, EventBatch, ModelCard, Provider, Vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds: until the first content of a stream, between contents, and for an answer fetched whole."""

    first_token: float
    idle: float
    whole: float


class PatientProvider:
    """Ends an answer that does not begin or does not go on in time. Comments and pings do not count as going on."""

    def __init__(self, inner: Provider, *, name: str, limits: Limits) -> None:
        self._inner = inner
        self._name = name
        self._limits = limits

    async def stream(self, request: Completion) -> AsyncGenerator[EventBatch]:
        """Yield the inner provider's answer. Raises ProviderError FIRST_TOKEN_TIMEOUT, IDLE_TIMEOUT or TIMEOUT."""
        clock = asyncio.get_running_loop().time
        limit = self._limits.first_token if request.streaming else self._limits.whole
        kind = FailureKind.FIRST_TOKEN_TIMEOUT if request.streaming else FailureKind.TIMEOUT
        try:
            # The timer runs only while the provider is waited for, never while the caller has the batch.
            async with asyncio.timeout(limit) as timer, aclosing(self._inner.stream(request)) as batches:
                async for batch in batches:
                    until = timer.when()
                    timer.reschedule(None)
                    yield batch
                    if any(is_content(event) or isinstance(event, Finished) for event in batch):
                        limit, kind = self._limits.idle, FailureKind.IDLE_TIMEOUT
                        until = None
                    timer.reschedule(until or clock() + limit)
        except TimeoutError:
            raise self._late(kind, limit, request.model) from None

    async def embed(self, request: Embedding) -> Vectors:
        """Return the inner provider's vectors within the limit for whole answers."""
        try:
            async with asyncio.timeout(self._limits.whole):
                return await self._inner.embed(request)
        except TimeoutError:
            raise self._late(FailureKind.TIMEOUT, self._limits.whole, request.model) from None

    async def list_models(self) -> Sequence[ModelCard]:
        """Return the inner provider's models within the limit for a first token."""
        try:
            async with asyncio.timeout(self._limits.first_token):
                return await self._inner.list_models()
        except TimeoutError:
            raise self._late(FailureKind.TIMEOUT, self._limits.first_token, "") from None

    async def close(self) -> None:
        """Close the inner provider."""
        await self._inner.close()

    def _late(self, kind: FailureKind, limit: float, model: str) -> ProviderError:
        what = {
            FailureKind.FIRST_TOKEN_TIMEOUT: "did not begin to answer",
            FailureKind.IDLE_TIMEOUT: "stopped in the middle of its answer",
        }.get(kind, "did not answer")
        message = f"{self._name} {what} within {limit:g} s"
        return ProviderError(message, provider=self._name, failure=kind, model=model)
