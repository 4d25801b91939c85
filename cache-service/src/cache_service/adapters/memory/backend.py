"""Entries in the memory of this process."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from cache_service.adapters.memory.expiring_map import ExpiringMap, Removal
from cache_service.adapters.memory.generation_journal import Journal
from cache_service.adapters.memory.key_index import KeyIndex
from cache_service.domain.backend import BackendState, Usage
from cache_service.domain.entry import Condition, Entry, Reading
from penstock_kit.clock import Clock

_GENERATION_SHIFT: Final = 20


class _Held(NamedTuple):
    entry: Entry
    generation: int


class MemoryBackend:
    """A CacheBackend bounded by `max_entries` and by `max_size` bytes of values, least recently used out first."""

    def __init__(self, *, clock: Clock, max_entries: int, max_size: int) -> None:
        self._max_entries = max_entries
        self._max_size = max_size
        self._size = 0
        self._evictions = 0
        self._expirations = 0
        self._index = KeyIndex()
        # Milliseconds of the epoch leave room for a million generations each before two processes could overlap.
        self._journal = Journal(start=int(clock.now().timestamp() * 1000) << _GENERATION_SHIFT)
        self._entries: ExpiringMap[_Held] = ExpiringMap(
            max_entries=max_entries, monotonic=clock.monotonic, on_remove=self._on_removed
        )

    @property
    def name(self) -> str:
        """Always ``memory``."""
        return "memory"

    async def get(self, key: str) -> Reading:
        """Return the live entry of `key`, if any, with the current generation."""
        held = self._entries.get(key)
        return Reading(None if held is None else held[0], self._journal.generation, "memory")

    async def get_many(self, keys: Sequence[str]) -> list[Entry | None]:
        """Return the live entries in the order of `keys`."""
        found = [self._entries.get(key) for key in keys]
        return [None if held is None else held.entry for held in found]

    async def set(self, entry: Entry, condition: Condition) -> bool:
        """Store `entry` if `condition` holds; a value over the size limit is not kept."""
        if not self._holds(entry, condition):
            return False
        size = len(entry.value)
        if size > self._max_size:
            await self.delete((entry.key,))
            return False
        self._entries.put(entry.key, _Held(entry, self._journal.advance()), entry.expire_at)
        if self._entries.expire_at(entry.key):
            self._size += size
            self._index.add(entry.key, entry.tags)
        while self._size > self._max_size:
            self._entries.evict()
        return True

    async def delete(self, keys: Sequence[str]) -> list[str]:
        """Drop `keys`, and return those that were live."""
        self._journal.record(keys=frozenset(keys))
        return [key for key in keys if self._entries.pop(key) is not None]

    async def invalidate(self, *, prefix: str = "", tag: str = "") -> list[str]:
        """Drop by prefix and by tag; return the keys that were live."""
        keys: dict[str, None] = {}
        if prefix:
            self._journal.record(prefix=prefix)
            keys |= dict.fromkeys(self._index.beginning(prefix))
        if tag:
            self._journal.record(tag=tag)
            keys |= dict.fromkeys(self._index.tagged(tag))
        return [key for key in keys if self._entries.pop(key) is not None]

    def state(self) -> BackendState:
        """There is nothing that could be away."""
        return BackendState(breaker="none", detail="")

    async def close(self) -> None:
        """There is nothing to close."""

    def clear(self) -> None:
        """Forget everything, and refuse the fills under way."""
        self._journal.forget()
        while len(self._entries):
            self._entries.evict()

    def usage(self) -> Usage:
        """Return what is held now, expired entries not yet cleared away included."""
        return Usage(
            entries=len(self._entries),
            size=self._size,
            max_entries=self._max_entries,
            max_size=self._max_size,
            evictions=self._evictions,
            expirations=self._expirations,
        )

    def sweep(self, limit: int) -> int:
        """Clear away at most `limit` expired entries, and return how many it were."""
        return self._entries.sweep(limit)

    def _holds(self, entry: Entry, condition: Condition) -> bool:
        if not condition.only_if_absent and condition.generation is None:
            return True
        held = self._entries.get(entry.key)
        if condition.only_if_absent and held is not None:
            return False
        since = condition.generation
        if since is None:
            return True
        return self._journal.allows(entry, since) and (held is None or held.generation <= since)

    def _on_removed(self, key: str, held: _Held, why: Removal) -> None:
        self._size -= len(held.entry.value)
        self._index.remove(key, held.entry.tags)
        self._evictions += why is Removal.EVICTED
        self._expirations += why is Removal.EXPIRED
