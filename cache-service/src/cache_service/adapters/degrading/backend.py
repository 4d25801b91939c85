"""Values in two tiers, and in memory while Redis is away."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from cache_service.adapters.degrading.local_copies import MAX_COPY_SECONDS, Copies
from cache_service.adapters.memory.backend import MemoryBackend
from cache_service.adapters.redis.backend import RedisBackend
from cache_service.adapters.redis.membership import Membership
from cache_service.domain.backend import BackendState, Usage
from cache_service.domain.entry import Condition, Entry, Reading
from cache_service.domain.signals import Signal, Signals
from penstock_kit.clock import Clock
from penstock_kit.logging import get_logger
from penstock_kit.redis.link import RedisLink, RedisUnavailable

# Changes made while Redis is away that are remembered one by one; beyond that everything in Redis is dropped.
_MOST_PENDING: Final = 10_000
_RETRY_SECONDS: Final = 0.2

log = get_logger(__name__)


class TwoTierBackend:
    """A CacheBackend: copies in this process over values in Redis; this process' own values while Redis is away.

    What changed here during an outage is gone in Redis before Redis is used again, so an old value never comes back;
    neither does what a Redis that was started anew read from its disk.
    During an outage other replicas' changes are not heard of: where there are others, a value then lives a second.
    """

    def __init__(
        self,
        *,
        link: RedisLink,
        redis: RedisBackend,
        memory: MemoryBackend,
        copies: Copies,
        signals: Signals,
        membership: Membership,
        clock: Clock,
    ) -> None:
        self._link = link
        self._redis = redis
        self._memory = memory
        self._copies = copies
        self._signals = signals
        self._membership = membership
        self._monotonic = clock.monotonic
        self._pending: dict[tuple[str, str], None] = {}
        self._overflown = False
        self._unanswered = 0
        self._ready = False
        self._recovering: asyncio.Task[None] | None = None
        signals.listen(copies.drop)
        link.listen(self._on_link_change)

    @property
    def name(self) -> str:
        """Always ``two_tier``."""
        return "two_tier"

    def state(self) -> BackendState:
        """Return whether Redis is used, and what is wrong with it."""
        if self._ready:
            breaker, detail = "closed", ""
        elif self._link.up:
            breaker, detail = "half_open", "it is being told what changed while it was away"
        else:
            breaker, detail = "open", self._link.error
        return BackendState(breaker=breaker, detail=detail, replicas=self._membership.count)

    async def get(self, key: str) -> Reading:
        """Return the live entry of `key`, if any, with the current generation."""
        if self._ready:
            copy = self._copies.get(key)
            if copy is not None:
                return copy
            begun = self._copies.begin()
            try:
                reading = await self._redis.get(key)
            except RedisUnavailable:
                self._unanswered += 1
                return await self._memory.get(key)
            self._copies.take(reading, begun)
            return reading
        return await self._memory.get(key)

    async def get_many(self, keys: Sequence[str]) -> list[Entry | None]:
        """Return the live entries in the order of `keys`."""
        if not self._ready:
            return await self._memory.get_many(keys)
        copies = [self._copies.get(key) for key in keys]
        missing = [key for key, copy in zip(keys, copies, strict=True) if copy is None]
        begun = self._copies.begin()
        try:
            read = iter(await self._redis.read_many(missing))
        except RedisUnavailable:
            self._unanswered += 1
            return await self._memory.get_many(keys)
        readings = [next(read) if copy is None else copy for copy in copies]
        for reading, copy in zip(readings, copies, strict=True):
            if copy is None:
                self._copies.take(reading, begun)
        return [reading.entry for reading in readings]

    async def set(self, entry: Entry, condition: Condition) -> bool:
        """Store `entry` if `condition` holds."""
        if self._ready:
            changed = Signal(changed=(entry.key,))
            self._copies.drop(changed)
            try:
                written = await self._redis.set(entry, condition)
            except RedisUnavailable as away:
                self._unanswered += 1
                self._note("key", entry.key)
                self._recover_unless(away.sent)
                return await self._memory.set(self._with_outage_ttl(entry), Condition())
            self._copies.drop(changed)
            return written
        written = await self._memory.set(self._with_outage_ttl(entry), condition)
        if written:
            self._note("key", entry.key)
        return written

    async def delete(self, keys: Sequence[str]) -> list[str]:
        """Drop `keys`, and return those that were live."""
        is_under_way = False
        if self._ready:
            try:
                return await self._redis.delete(keys)
            except RedisUnavailable as away:
                is_under_way = away.sent
                self._unanswered += 1
            finally:
                self._copies.drop(Signal(changed=tuple(keys)))
        for key in keys:
            self._note("key", key)
        self._recover_unless(is_under_way)
        return await self._memory.delete(keys)

    async def invalidate(self, *, prefix: str = "", tag: str = "") -> list[str]:
        """Drop every key that begins with `prefix`, and every key with `tag`; return those that were live."""
        if self._ready:
            try:
                return await self._redis.invalidate(prefix=prefix, tag=tag)
            except RedisUnavailable:
                self._unanswered += 1
            finally:
                self._copies.drop(Signal(prefixes=(prefix,) if prefix else (), tags=(tag,) if tag else ()))
        if prefix:
            self._note("prefix", prefix)
        if tag:
            self._note("tag", tag)
        # It takes several steps, of which the last ones were not sent.
        self._recover_unless(False)
        return await self._memory.invalidate(prefix=prefix, tag=tag)

    def usage(self) -> Usage:
        """Return what Redis held when it was asked last, or what this process holds while it is away."""
        usage = self._redis.usage() if self._ready else self._memory.usage()
        return replace(usage, errors=self._redis.damaged + self._redis.dropped + self._unanswered)

    def sweep(self, limit: int) -> int:
        """Clear away what ended in this process."""
        return self._copies.sweep(limit) + self._memory.sweep(limit)

    async def close(self) -> None:
        """Stop recovering."""
        if self._recovering is not None:
            self._recovering.cancel()
            await asyncio.gather(self._recovering, return_exceptions=True)

    def _with_outage_ttl(self, entry: Entry) -> Entry:
        if self._membership.count <= 1:
            return entry
        return replace(entry, expire_at=min(entry.expire_at, self._monotonic() + MAX_COPY_SECONDS))

    def _note(self, kind: str, name: str) -> None:
        if len(self._pending) >= _MOST_PENDING:
            self._overflown = True
            self._pending.clear()
        if not self._overflown:
            self._pending[kind, name] = None

    def _on_link_change(self, up: bool) -> None:
        if not up:
            self._ready = False
            self._copies.clear()
        else:
            self._start_recovering()

    def _recover_unless(self, is_under_way: bool) -> None:
        """Use Redis no more until it was told of a change, where it is there and the change is not under way to it."""
        if self._ready and self._link.up and not is_under_way:
            self._ready = False
            self._copies.clear()
            self._start_recovering()

    def _start_recovering(self) -> None:
        if self._recovering is None or self._recovering.done():
            self._recovering = asyncio.get_running_loop().create_task(self._recover())

    async def _recover(self) -> None:
        """Tell Redis what changed here while it was away, and use it from then on."""
        while self._link.up:
            pending, overflown = tuple(self._pending), self._overflown
            try:
                await self._replay(pending, overflown=overflown)
            except RedisUnavailable:
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if self._overflown == overflown and len(self._pending) == len(pending):
                self._use_again(len(pending), overflown=overflown)
                return

    async def _replay(self, pending: Sequence[tuple[str, str]], *, overflown: bool) -> None:
        if await self._redis.adopt():
            log.info("redis was started anew: values from before do not count any more")
        if overflown:
            await self._redis.reset()
        keys = [name for kind, name in pending if kind == "key"]
        for start in range(0, len(keys), 500):
            await self._redis.delete(keys[start : start + 500])
        for kind, name in pending:
            if kind == "prefix":
                await self._redis.invalidate(prefix=name)
            elif kind == "tag":
                await self._redis.invalidate(tag=name)

    def _use_again(self, changes: int, *, overflown: bool) -> None:
        self._pending.clear()
        self._overflown = False
        self._copies.clear()
        self._memory.clear()
        self._ready = True
        if changes or overflown:
            log.info("redis was told what changed while it was away", changes=changes, everything_dropped=overflown)
            self._signals.publish(Signal(reset=True))
