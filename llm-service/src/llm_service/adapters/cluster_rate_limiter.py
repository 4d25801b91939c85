"""The rates of keys over all replicas, kept by cache-service."""

import asyncio
from dataclasses import replace
from typing import Final

from llm_service.domain.billing.rate_limiter import LocalRateLimiter, Rate
from penstock_kit.cache import CacheClient
from penstock_kit.context import current_context, use_context

_MINUTE: Final = 60.0


class ClusterRateLimiter:
    """Rates that all replicas take from. While cache-service is away each replica goes on with what it took itself."""

    def __init__(self, cache: CacheClient, local: LocalRateLimiter) -> None:
        self._cache = cache
        self._local = local
        self._correcting: set[asyncio.Task[None]] = set()

    async def take(self, rate: Rate, amount: int) -> float:
        """Take, or return how long to wait; what this replica has used up itself needs no asking."""
        wait = await self._local.take(rate, amount)
        if wait > 0:
            return wait
        cost = min(amount, rate.limit)
        verdict = await self._cache.take(_key(rate), limit=rate.limit, window=_MINUTE, cost=cost)
        if verdict is not None and not verdict.allowed:
            self._local.correct(rate, -amount)
            return verdict.retry_after
        if amount > cost:
            self._correct_soon(rate, amount - cost)
        return 0.0

    def correct(self, rate: Rate, amount: int) -> None:
        """Take more, or give back, soon."""
        self._local.correct(rate, amount)
        if amount:
            self._correct_soon(rate, amount)

    def _correct_soon(self, rate: Rate, amount: int) -> None:
        task = asyncio.create_task(self._correct(rate, amount))
        self._correcting.add(task)
        task.add_done_callback(self._correcting.discard)

    async def _correct(self, rate: Rate, amount: int) -> None:
        # The call that is corrected may have used up its time.
        with use_context(replace(current_context(), deadline=None)):
            await self._cache.take(_key(rate), limit=rate.limit, window=_MINUTE, cost=0, correction=amount)


def _key(rate: Rate) -> str:
    return f"llm:rate:{rate.kind}:{rate.key_id}"
