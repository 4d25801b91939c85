"""The use cases on values: read, write, delete, invalidate, and fill under a lease."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

from cache_service.domain.backend import BackendState, CacheBackend, Usage
from cache_service.domain.entry import ALWAYS, TTL_CLASSES, Condition, Entry, EntryInput
from cache_service.domain.invalidation import InvalidationBus, Watcher
from cache_service.domain.keyed_notifier import KeyedNotifier
from cache_service.domain.lease import LeaseStore
from cache_service.domain.limit import (
    MAX_LEASE_SECONDS,
    MAX_WAIT_SECONDS,
    TtlDefaults,
    require_batch_size,
    require_not_negative,
    require_positive,
    require_tag_count,
    require_value_size,
)
from cache_service.domain.partition import Partition
from cache_service.domain.refresh import RefreshAdvisor
from cache_service.domain.signals import Signal, Signals
from cache_service.domain.statistics import Statistics
from penstock_kit.clock import Clock
from penstock_kit.errors import InvalidArgument

# What computing a value is taken to cost when nobody measured it: 1 % of its life, at most 5 seconds.
_LOAD_SHARE: Final = 0.01
_MAX_LOAD_SECONDS: Final = 5.0
_LOOK_AGAIN_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """The answer to a read. `ttl` is the life left in seconds, `generation` guards a fill."""

    entry: Entry | None
    generation: int
    ttl: float = 0.0
    refresh_advised: bool = False
    tier: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Either a `token` (fill the key), or what another filled (`lookup` has an entry), or neither: time was up."""

    token: str
    lookup: Lookup


class Cache:
    """One cache over one backend; keys are checked here and full below."""

    def __init__(
        self,
        *,
        backend: CacheBackend,
        leases: LeaseStore,
        signals: Signals,
        advisor: RefreshAdvisor,
        clock: Clock,
        defaults: TtlDefaults,
        statistics: Statistics,
    ) -> None:
        self._backend = backend
        self._leases = leases
        self._signals = signals
        self._notifier = KeyedNotifier()
        self._bus = InvalidationBus()
        signals.listen(self._on_signal)
        self._advisor = advisor
        self._monotonic = clock.monotonic
        self._defaults = defaults
        self.statistics = statistics

    @property
    def backend_name(self) -> str:
        """``memory``, ``redis`` or ``two_tier``."""
        return self._backend.name

    def usage(self) -> Usage:
        """Return what the backend holds now."""
        return self._backend.usage()

    async def get(self, partition: Partition, key: str) -> Lookup:
        """Return the live entry of `key` or the lack of it. Raises InvalidArgument for a bad key."""
        lookup = await self._look_up(partition, key)
        if lookup.entry is None:
            self.statistics.miss(key)
        else:
            self.statistics.hit(key)
        return lookup

    async def _look_up(self, partition: Partition, key: str) -> Lookup:
        reading = await self._backend.get(partition.full(key))
        entry = reading.entry
        if entry is None:
            return Lookup(entry=None, generation=reading.generation)
        return Lookup(
            entry=entry,
            generation=reading.generation,
            ttl=entry.expire_at - self._monotonic(),
            refresh_advised=await self._advisor.should_refresh(entry),
            tier=reading.tier,
        )

    async def get_many(self, partition: Partition, keys: Sequence[str]) -> list[Lookup]:
        """Return the live entries among `keys`, at most 1,000. Guarded fills and early refresh are for `get`."""
        require_batch_size(keys)
        entries = await self._backend.get_many([partition.full(key) for key in keys])
        self.statistics.count_many(keys, entries)
        now, tier = self._monotonic(), self._backend.name
        return [
            Lookup(entry=entry, generation=0, ttl=entry.expire_at - now, tier=tier)
            for entry in entries
            if entry is not None
        ]

    async def set(
        self, partition: Partition, entry_input: EntryInput, condition: Condition = ALWAYS, *, lease_token: str = ""
    ) -> bool:
        """Store a value and end its lease; False when `condition` did not hold. Copies of an older value are told."""
        key = partition.full(entry_input.key)
        load_seconds = await self._leases.age(key, lease_token) if lease_token else None
        entry = self._entry(partition, entry_input, load_seconds)
        written = await self._backend.set(entry, condition)
        if lease_token:
            # Not before the value is there: whoever got the lease in between would fill the key again.
            await self._leases.end(key, lease_token)
        if written:
            self.statistics.sets += 1
            await self._advisor.done(key)
            self._signals.publish(Signal(changed=(key,), woken=(key,)))
        elif lease_token:
            self._signals.publish(Signal(woken=(key,)))
        return written

    async def set_many(self, partition: Partition, inputs: Sequence[EntryInput]) -> int:
        """Store at most 1,000 values; all of them are checked before the first is written."""
        require_batch_size(inputs)
        entries = [self._entry(partition, entry_input, None) for entry_input in inputs]
        # All at once: a shared store then takes them in one go.
        written = sum(await asyncio.gather(*(self._backend.set(entry, ALWAYS) for entry in entries)))
        for entry in entries:
            await self._advisor.done(entry.key)
        self.statistics.sets += written
        keys = tuple(entry.key for entry in entries)
        self._signals.publish(Signal(changed=keys, woken=keys))
        return written

    async def delete(self, partition: Partition, keys: Sequence[str]) -> int:
        """Drop keys, end their leases, and return how many were live."""
        require_batch_size(keys)
        full = [partition.full(key) for key in keys]
        deleted = await self._backend.delete(full)
        self.statistics.deletes += len(deleted)
        for key in full:
            await self._leases.revoke(key)
        self._signals.publish(Signal(changed=tuple(full), woken=tuple(full)))
        return len(deleted)

    async def invalidate(self, partition: Partition, *, prefix: str, tag: str) -> int:
        """Drop every key that begins with `prefix` and every key with `tag`; at least one must be given."""
        if not prefix and not tag:
            raise InvalidArgument("neither prefix nor tag is given; name at least one", reason="SELECTOR_REQUIRED")
        full_prefix = partition.full(prefix, "prefix") if prefix else ""
        full_tag = partition.full(tag, "tag") if tag else ""
        deleted = await self._backend.invalidate(prefix=full_prefix, tag=full_tag)
        self.statistics.deletes += len(deleted)
        prefixes, tags = (full_prefix,) if prefix else (), (full_tag,) if tag else ()
        self._signals.publish(Signal(prefixes=prefixes, tags=tags))
        return len(deleted)

    async def lease(self, partition: Partition, key: str, *, seconds: float, wait: float) -> Lease:
        """Return the value, or the right to fill it, or after `wait` seconds (at most 30) neither.

        This is no read of its own in the statistics: it follows one that found nothing, and was counted.
        """
        require_positive(seconds, "lease", "it is how long the filler may take")
        require_not_negative(wait, "wait")
        full = partition.full(key)
        end = self._monotonic() + min(wait, MAX_WAIT_SECONDS)
        while True:
            lookup = await self._look_up(partition, key)
            grant = None if lookup.entry else await self._leases.grant(full, min(seconds, MAX_LEASE_SECONDS))
            if grant:
                return await self._lease_or_value(partition, key, grant)
            left = end - self._monotonic()
            if lookup.entry or left <= 0:
                return Lease(token="", lookup=lookup)
            # A wake-up of another replica may get lost: who waits looks again by itself.
            await self._notifier.wait(full, min(left, _LOOK_AGAIN_SECONDS, await self._leases.remaining(full)))

    async def _lease_or_value(self, partition: Partition, key: str, token: str) -> Lease:
        """Return the right to fill a key, or the value that another filled between the look and the lease."""
        lookup = await self._look_up(partition, key)
        if lookup.entry is None:
            return Lease(token=token, lookup=lookup)
        full = partition.full(key)
        await self._leases.end(full, token)
        self._signals.publish(Signal(woken=(full,)))
        return Lease(token="", lookup=lookup)

    def watch(self, partition: Partition, prefix: str) -> AbstractAsyncContextManager[Watcher]:
        """Return a context manager giving a Watcher of `prefix` (empty: everything) in `partition`."""
        full = partition.full(prefix, "prefix") if prefix else partition.root
        return self._bus.watch(full)

    def _on_signal(self, signal: Signal) -> None:
        """Wake who waits here and tell who watches here."""
        if signal.reset:
            self._notifier.notify_all()
        for key in signal.woken:
            self._notifier.notify(key)
        # A copy elsewhere may outlive its entry, so the keys that were dropped do not name every copy with a tag.
        self._bus.publish(keys=signal.changed, prefixes=signal.prefixes, reset=signal.reset or bool(signal.tags))

    def state(self) -> BackendState:
        """Return how the backend is."""
        return self._backend.state()

    def _entry(self, partition: Partition, entry_input: EntryInput, load_seconds: float | None) -> Entry:
        require_value_size(entry_input.value)
        require_tag_count(entry_input.tags)
        if entry_input.negative and entry_input.value:
            message = f"a negative entry has no value, {len(entry_input.value)} bytes were given"
            raise InvalidArgument(message, reason="VALUE_CONFLICT")
        ttl = self._ttl(entry_input)
        return Entry(
            key=partition.full(entry_input.key),
            value=entry_input.value,
            expire_at=self._monotonic() + ttl,
            tags=tuple(partition.full(tag, "tag") for tag in entry_input.tags),
            negative=entry_input.negative,
            load_seconds=min(ttl * _LOAD_SHARE, _MAX_LOAD_SECONDS) if load_seconds is None else load_seconds,
        )

    def _ttl(self, entry_input: EntryInput) -> float:
        require_not_negative(entry_input.ttl, "ttl")
        if entry_input.ttl:
            return entry_input.ttl
        if entry_input.ttl_class:
            seconds = TTL_CLASSES.get(entry_input.ttl_class)
            if seconds is None:
                message = f"there is no TTL class {entry_input.ttl_class!r}; there are {', '.join(TTL_CLASSES)}"
                raise InvalidArgument(message, reason="TTL_CLASS_INVALID")
            return seconds
        return self._defaults.negative_ttl if entry_input.negative else self._defaults.ttl
