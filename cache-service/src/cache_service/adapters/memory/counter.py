"""Counters and rate limits in the memory of this process."""

from math import inf

from cache_service.adapters.memory.expiring_map import ExpiringMap
from cache_service.domain.counter import added
from cache_service.domain.rate_limit import NANOSECONDS, Rate, Verdict, take
from penstock_kit.clock import Clock


class MemoryCounterStore:
    """A CounterStore of at most `max_entries` counters, the least recently used out first."""

    def __init__(self, *, clock: Clock, max_entries: int) -> None:
        self._monotonic = clock.monotonic
        self._values: ExpiringMap[int] = ExpiringMap(max_entries=max_entries, monotonic=clock.monotonic)

    async def increment(self, key: str, delta: int, ttl: float) -> int:
        """Add `delta` to a counter, made with `ttl` seconds to live (0 for no end), and return the new value."""
        known = self._values.get(key)
        if delta == 0:
            return known or 0
        value = added(known or 0, delta)
        fresh_end = self._monotonic() + ttl if ttl else inf
        self._values.put(key, value, fresh_end if known is None else self._values.expire_at(key))
        return value

    def sweep(self, limit: int) -> int:
        """Clear away at most `limit` expired counters, and return how many it were."""
        return self._values.sweep(limit)


class MemoryRateLimitStore:
    """A RateLimitStore of at most `max_entries` keys. A key at rest costs nothing: its state ends with the window."""

    def __init__(self, *, clock: Clock, max_entries: int) -> None:
        self._monotonic = clock.monotonic
        self._arrivals: ExpiringMap[int] = ExpiringMap(max_entries=max_entries, monotonic=clock.monotonic)

    async def take(self, key: str, cost: int, rate: Rate, *, correction: int = 0) -> Verdict:
        """Take `cost` of `rate` if it fits, and `correction` before it in any case."""
        now = int(self._monotonic() * NANOSECONDS)
        known = self._arrivals.get(key) or 0
        verdict, arrival = take(tat=known, now=now, cost=cost, rate=rate, correction=correction)
        if correction or (cost and verdict.allowed):
            self._arrivals.put(key, arrival, arrival / NANOSECONDS)
        return verdict

    def sweep(self, limit: int) -> int:
        """Clear away at most `limit` keys at rest, and return how many it were."""
        return self._arrivals.sweep(limit)
