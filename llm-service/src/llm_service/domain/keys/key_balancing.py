"""Keys: asks with the least loaded key, and with another one when the vendor limits or refuses it."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Final

from llm_service.domain.keys.key_pool import KeyRing, Slot
from llm_service.domain.model.event import Finished, is_content
from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.provider import (
    EmbeddingRequest,
    Embeddings,
    EventBatch,
    ModelCard,
    Provider,
    TokenCounter,
)
from llm_service.domain.model.request import CompletionRequest

_OF_THE_KEY: Final = frozenset({FailureKind.RATE_LIMIT, FailureKind.AUTH})
_CLOSING_SECONDS: Final = 600.0


class KeyedProvider:
    """One provider over several instances of it, one for each key.

    `ring` finds the ring in force, None once the provider is not configured any more.
    """

    def __init__(self, inners: Sequence[Provider], *, ring: Callable[[], KeyRing | None]) -> None:
        self._inners = inners
        self._find = ring
        self._ring = ring()
        self._idle = asyncio.Event()
        self._idle.set()
        self._calls = 0

    async def stream(self, request: CompletionRequest) -> AsyncGenerator[EventBatch]:
        """Yield the answer. Raises ProviderError, at once when no key may be used."""
        ring, tried, shown = self._ring_now(), set[int](), False
        while True:
            slot = ring.take(tried, request.model)
            tried.add(slot.index)
            use = _Use(ring, slot, request.model)
            self._enter()
            try:
                async with aclosing(self._inners[slot.index].stream(request)) as batches:
                    async for batch in batches:
                        use.saw(batch)
                        shown = True
                        yield batch
                return
            except ProviderError as failure:
                use.failed(failure)
                if shown or failure.failure not in _OF_THE_KEY or not ring.has_ready(tried, request.model):
                    raise
            finally:
                use.over()
                self._leave()

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Return a vector for each input, from the first key that is not limited or refused."""
        ring, tried = self._ring_now(), set[int]()
        while True:
            slot = ring.take(tried, request.model)
            tried.add(slot.index)
            use = _Use(ring, slot, request.model)
            self._enter()
            try:
                vectors = await self._inners[slot.index].embed(request)
                use.succeeded()
                return vectors
            except ProviderError as failure:
                use.failed(failure)
                if failure.failure not in _OF_THE_KEY or not ring.has_ready(tried, request.model):
                    raise
            finally:
                use.over()
                self._leave()

    async def list_models(self) -> Sequence[ModelCard]:
        """Return the models that the first key sees."""
        return await self._inners[0].list_models()

    async def close(self) -> None:
        """Close the instances once the calls under way are over, after ten minutes in any case."""
        try:
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self._idle.wait()
        except TimeoutError:
            pass
        for inner in self._inners:
            await inner.close()

    def _ring_now(self) -> KeyRing:
        """The ring in force, which is made anew when a refused key is to be tried again; else the last that fitted."""
        ring = self._find()
        if ring is not None and ring.size == len(self._inners):
            self._ring = ring
        if self._ring is None:
            raise RuntimeError("a provider without a key ring was asked")
        return self._ring

    def _enter(self) -> None:
        self._calls += 1
        self._idle.clear()

    def _leave(self) -> None:
        self._calls -= 1
        if not self._calls:
            self._idle.set()


class KeyedCounter:
    """Counts tokens with the first key that is not limited or refused; one counter for each key."""

    def __init__(self, inners: Sequence[TokenCounter], *, ring: Callable[[], KeyRing | None]) -> None:
        self._inners = inners
        self._find = ring

    async def count_tokens(self, request: CompletionRequest) -> int:
        """Return the vendor's count. Raises the last key's ProviderError when none may be used."""
        ring, tried = self._find(), set[int]()
        if ring is None or ring.size != len(self._inners):
            return await self._inners[0].count_tokens(request)
        while True:
            slot = ring.take(tried, request.model)
            tried.add(slot.index)
            use = _Use(ring, slot, request.model)
            try:
                counted = await self._inners[slot.index].count_tokens(request)
                use.succeeded()
                return counted
            except ProviderError as failure:
                use.failed(failure)
                if failure.failure not in _OF_THE_KEY or not ring.has_ready(tried, request.model):
                    raise
            finally:
                use.over()


class _Use:
    """One call with one key: it succeeds with the first content, fails, or is left by its caller."""

    def __init__(self, ring: KeyRing, slot: Slot, model: str) -> None:
        self._ring = ring
        self._slot = slot
        self._model = model
        self._decided = False

    def saw(self, batch: EventBatch) -> None:
        if not self._decided and any(is_content(event) or isinstance(event, Finished) for event in batch):
            self.succeeded()

    def succeeded(self) -> None:
        self._decided = True
        self._slot.breaker.succeeded()

    def failed(self, failure: ProviderError) -> None:
        self._decided = True
        self._ring.failed(self._slot, failure, self._model)

    def over(self) -> None:
        if not self._decided:
            self._slot.breaker.left()
        self._ring.give_back(self._slot)
