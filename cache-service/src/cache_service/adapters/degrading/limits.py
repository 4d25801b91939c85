"""Counters and rate limits that go on without Redis: each replica then takes its share, and settles when it is back."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cache_service.domain.counter import CounterStore
from cache_service.domain.rate_limit import Rate, RateLimitStore, Verdict
from penstock_kit.redis.link import RedisLink, RedisUnavailable

# Keys that are settled one by one after an outage; of the others what was taken is forgotten.
_MOST_UNSETTLED: Final = 10_000


@dataclass(slots=True)
class _Taken:
    rate: Rate
    amount: int = 0


class DegradingRateLimits:
    """A RateLimitStore. While Redis is away a key has `limit` ÷ `replicas()` here, and at least 1.

    When Redis is back, what was taken here is taken there too, once an outage.
    """

    def __init__(
        self, *, link: RedisLink, redis: RateLimitStore, memory: RateLimitStore, replicas: Callable[[], int]
    ) -> None:
        self._link = link
        self._redis = redis
        self._memory = memory
        self._replicas = replicas
        self._taken: dict[str, _Taken] = {}
        self._settling: set[asyncio.Task[None]] = set()
        link.listen(self._on_link_change)

    async def take(self, key: str, cost: int, rate: Rate, *, correction: int = 0) -> Verdict:
        """Take `cost` of `rate` if it fits, and `correction` before it in any case."""
        if self._link.up:
            try:
                return await self._redis.take(key, cost, rate, correction=correction)
            except RedisUnavailable:
                pass
        verdict = await self._memory.take(key, cost, self.share_of(rate, cost), correction=correction)
        self._note(key, rate, correction + (cost if verdict.allowed else 0))
        return verdict

    def share_of(self, rate: Rate, cost: int) -> Rate:
        """Return what this replica may give of a rate by itself: at least once a `cost` that the rate itself allows."""
        if not 0 <= cost <= rate.limit:
            return rate
        return Rate(limit=max(1, cost, rate.limit // self._replicas()), window=rate.window)

    def _note(self, key: str, rate: Rate, amount: int) -> None:
        if amount and (key in self._taken or len(self._taken) < _MOST_UNSETTLED):
            self._taken.setdefault(key, _Taken(rate)).amount += amount

    def _on_link_change(self, up: bool) -> None:
        if up and self._taken:
            taken, self._taken = self._taken, {}
            task = asyncio.get_running_loop().create_task(self._settle(taken))
            self._settling.add(task)
            task.add_done_callback(self._settling.discard)

    async def _settle(self, taken: dict[str, _Taken]) -> None:
        for key, each in taken.items():
            try:
                await self._redis.take(key, 0, each.rate, correction=each.amount)
            except RedisUnavailable:
                self._note(key, each.rate, each.amount)


class DegradingCounters:
    """A CounterStore. While Redis is away a counter counts here from 0, and is added there when it is back."""

    def __init__(self, *, link: RedisLink, redis: CounterStore, memory: CounterStore) -> None:
        self._link = link
        self._redis = redis
        self._memory = memory
        self._added: dict[str, tuple[int, float]] = {}
        self._settling: set[asyncio.Task[None]] = set()
        link.listen(self._on_link_change)

    async def increment(self, key: str, delta: int, ttl: float) -> int:
        """Add `delta` and return the new value."""
        if self._link.up:
            try:
                return await self._redis.increment(key, delta, ttl)
            except RedisUnavailable:
                pass
        value = await self._memory.increment(key, delta, ttl)
        self._note(key, delta, ttl)
        return value

    def _note(self, key: str, delta: int, ttl: float) -> None:
        if delta and (key in self._added or len(self._added) < _MOST_UNSETTLED):
            self._added[key] = (self._added.get(key, (0, ttl))[0] + delta, ttl)

    def _on_link_change(self, up: bool) -> None:
        if up and self._added:
            added, self._added = self._added, {}
            task = asyncio.get_running_loop().create_task(self._settle(added))
            self._settling.add(task)
            task.add_done_callback(self._settling.discard)

    async def _settle(self, added: dict[str, tuple[int, float]]) -> None:
        for key, (delta, ttl) in added.items():
            await self._memory.increment(key, -delta, ttl)
            try:
                await self._redis.increment(key, delta, ttl)
            except RedisUnavailable:
                self._note(key, delta, ttl)
