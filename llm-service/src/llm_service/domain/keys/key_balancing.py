"""Keys: asks with the least loaded key, and with another one when the vendor limits or refuses it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Final, TypeVar

from llm_service.domain.keys.key_pool import ApiKey, ApiKeyPool
from llm_service.domain.model.event import shows_content
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

Result = TypeVar("Result")
_KEY_FAILURES: Final = frozenset({FailureKind.RATE_LIMIT, FailureKind.AUTH})
_CLOSING_SECONDS: Final = 600.0


class KeyBalancedProvider:
    """One provider over several instances of it, one for each key.

    `key_pool` finds the pool in force, None once the provider is not configured any more.
    """

    def __init__(self, inners: Sequence[Provider], *, key_pool: Callable[[], ApiKeyPool | None]) -> None:
        self._inners = inners
        self._find = key_pool
        self._key_pool = key_pool()
        self._idle = asyncio.Event()
        self._idle.set()
        self._calls = 0

    async def stream(self, request: CompletionRequest) -> AsyncGenerator[EventBatch]:
        """Yield the answer. Raises ProviderError, at once when no key may be used."""
        key_pool, tried, shown = self._current_pool(), set[int](), False
        while True:
            key = key_pool.acquire(tried, request.model)
            tried.add(key.index)
            use = _Use(key_pool, key, request.model)
            self._enter()
            try:
                async with aclosing(self._inners[key.index].stream(request)) as batches:
                    async for batch in batches:
                        use.observe(batch)
                        shown = True
                        yield batch
                return
            except ProviderError as failure:
                use.fail(failure)
                if shown or failure.failure not in _KEY_FAILURES or not key_pool.has_ready(tried, request.model):
                    raise
            finally:
                use.finish()
                self._leave()

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Return a vector for each input, from the first key that is not limited or refused."""
        self._enter()
        try:
            return await _ask_with_keys(
                self._current_pool(), request.model, lambda index: self._inners[index].embed(request)
            )
        finally:
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

    def _current_pool(self) -> ApiKeyPool:
        """The pool in force, which is made anew when a refused key is to be tried again; else the last that fitted."""
        key_pool = self._find()
        if key_pool is not None and key_pool.size == len(self._inners):
            self._key_pool = key_pool
        if self._key_pool is None:
            raise RuntimeError("a provider without a key pool was asked")
        return self._key_pool

    def _enter(self) -> None:
        self._calls += 1
        self._idle.clear()

    def _leave(self) -> None:
        self._calls -= 1
        if not self._calls:
            self._idle.set()


class KeyBalancedTokenCounter:
    """Counts tokens with the first key that is not limited or refused; one counter for each key."""

    def __init__(self, inners: Sequence[TokenCounter], *, key_pool: Callable[[], ApiKeyPool | None]) -> None:
        self._inners = inners
        self._find = key_pool

    async def count_tokens(self, request: CompletionRequest) -> int:
        """Return the vendor's count. Raises the last key's ProviderError when none may be used."""
        key_pool = self._find()
        if key_pool is None or key_pool.size != len(self._inners):
            return await self._inners[0].count_tokens(request)
        return await _ask_with_keys(key_pool, request.model, lambda index: self._inners[index].count_tokens(request))


async def _ask_with_keys(key_pool: ApiKeyPool, model: str, ask: Callable[[int], Awaitable[Result]]) -> Result:
    """Return what `ask` returns with the first key, by index, that is not limited or refused.

    Raises ProviderError: the last key's, or at once when no key may be used.
    """
    tried = set[int]()
    while True:
        key = key_pool.acquire(tried, model)
        tried.add(key.index)
        use = _Use(key_pool, key, model)
        try:
            result = await ask(key.index)
            use.succeed()
            return result
        except ProviderError as failure:
            use.fail(failure)
            if failure.failure not in _KEY_FAILURES or not key_pool.has_ready(tried, model):
                raise
        finally:
            use.finish()


class _Use:
    """One call with one key: it succeeds with the first content, fails, or is left by its caller."""

    def __init__(self, key_pool: ApiKeyPool, key: ApiKey, model: str) -> None:
        self._key_pool = key_pool
        self._key = key
        self._model = model
        self._decided = False

    def observe(self, batch: EventBatch) -> None:
        if not self._decided and shows_content(batch):
            self.succeed()

    def succeed(self) -> None:
        self._decided = True
        self._key.breaker.record_success()

    def fail(self, failure: ProviderError) -> None:
        self._decided = True
        self._key_pool.record_failure(self._key, failure, self._model)

    def finish(self) -> None:
        if not self._decided:
            self._key.breaker.record_abandoned()
        self._key_pool.release(self._key)
