"""Counters and rate limits that go on without Redis: each replica then takes its share, and settles when it is back."""

from collections.abc import Callable
from dataclasses import dataclass

from cache_service.adapters.degrading.settlement import Settlement
from cache_service.domain.counter import CounterStore
from cache_service.domain.rate_limit import Rate, RateLimitStore, Verdict
from penstock_kit.redis.link import RedisLink, RedisUnavailable


@dataclass(frozen=True, slots=True)
class _Taken:
    rate: Rate
    amount: int

    def __add__(self, other: "_Taken") -> "_Taken":
        return _Taken(self.rate, self.amount + other.amount)


@dataclass(frozen=True, slots=True)
class _Added:
    ttl: float
    delta: int

    def __add__(self, other: "_Added") -> "_Added":
        return _Added(other.ttl, self.delta + other.delta)


class DegradingRateLimits:
    """A RateLimitStore. While Redis is away a key has `limit` ÷ `replicas()` here, and at least 1.

    When Redis answers again, what was taken here is taken there too.
    """

    def __init__(
        self, *, link: RedisLink, redis: RateLimitStore, memory: RateLimitStore, replicas: Callable[[], int]
    ) -> None:
        self._link = link
        self._redis = redis
        self._memory = memory
        self._replicas = replicas
        self._settlement: Settlement[_Taken] = Settlement(link, settle=self._settle, forgive=self._forgive)

    async def take(self, key: str, cost: int, rate: Rate, *, correction: int = 0) -> Verdict:
        """Take `cost` of `rate` if it fits, and `correction` before it in any case."""
        sent = False
        if self._link.up:
            try:
                verdict = await self._redis.take(key, cost, rate, correction=correction)
            except RedisUnavailable as away:
                sent = away.sent
            else:
                self._settlement.on_answer()
                return verdict
        verdict = await self._memory.take(key, cost, self.share_of(rate, cost), correction=correction)
        if amount := correction + (cost if verdict.allowed else 0):
            self._settlement.note(key, _Taken(rate, amount), sent=sent)
        return verdict

    def share_of(self, rate: Rate, cost: int) -> Rate:
        """Return what this replica may give of a rate by itself: at least once a `cost` that the rate itself allows."""
        if not 0 <= cost <= rate.limit:
            return rate
        return Rate(limit=max(1, cost, rate.limit // self._replicas()), window=rate.window)

    async def _settle(self, key: str, taken: _Taken) -> None:
        try:
            await self._redis.take(key, 0, taken.rate, correction=taken.amount)
        except RedisUnavailable:
            self._settlement.note(key, taken, sent=False)

    async def _forgive(self, key: str, taken: _Taken) -> None:
        """Do nothing: a share that was taken here comes back with time."""


class DegradingCounters:
    """A CounterStore. While Redis is away a counter counts here from 0, and is added there when it answers again."""

    def __init__(self, *, link: RedisLink, redis: CounterStore, memory: CounterStore) -> None:
        self._link = link
        self._redis = redis
        self._memory = memory
        self._settlement: Settlement[_Added] = Settlement(link, settle=self._settle, forgive=self._forgive)

    async def increment(self, key: str, delta: int, ttl: float) -> int:
        """Add `delta` and return the new value."""
        sent = False
        if self._link.up:
            try:
                value = await self._redis.increment(key, delta, ttl)
            except RedisUnavailable as away:
                sent = away.sent
            else:
                self._settlement.on_answer()
                return value
        value = await self._memory.increment(key, delta, ttl)
        if delta:
            self._settlement.note(key, _Added(ttl, delta), sent=sent)
        return value

    async def _settle(self, key: str, added: _Added) -> None:
        await self._forgive(key, added)
        try:
            await self._redis.increment(key, added.delta, added.ttl)
        except RedisUnavailable:
            await self._memory.increment(key, added.delta, added.ttl)
            self._settlement.note(key, added, sent=False)

    async def _forgive(self, key: str, added: _Added) -> None:
        await self._memory.increment(key, -added.delta, added.ttl)
