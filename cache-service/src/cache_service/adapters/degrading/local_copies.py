"""The first tier: copies of Redis' values in this process, for at most a second."""

from typing import Final, NamedTuple

from cache_service.adapters.memory.expiring_map import ExpiringMap, Removal
from cache_service.adapters.memory.generation_journal import Journal
from cache_service.domain.entry import Entry, Reading
from cache_service.domain.signals import Signal
from penstock_kit.clock import Clock

# The bound after which no replica serves a stale value, whatever became of the message that tells of a change.
MAX_COPY_SECONDS: Final = 1.0


class _Copy(NamedTuple):
    entry: Entry
    generation: int


class Copies:
    """Bounded by `max_entries` and by `max_size` bytes of values, least recently used out first.

    A copy is taken only when nothing that concerns it was heard of since its reading began.
    """

    def __init__(self, *, clock: Clock, max_entries: int, max_size: int, seconds: float = MAX_COPY_SECONDS) -> None:
        self._monotonic = clock.monotonic
        self._seconds = min(seconds, MAX_COPY_SECONDS)
        self._max_size = max_size
        self._size = 0
        self._journal = Journal(start=0)
        self._held: ExpiringMap[_Copy] = ExpiringMap(
            max_entries=max_entries, monotonic=clock.monotonic, on_remove=self._on_removed
        )

    def __len__(self) -> int:
        return len(self._held)

    @property
    def size(self) -> int:
        """Bytes of values held."""
        return self._size

    def begin(self) -> int:
        """Return what :meth:`take` wants to know of the moment a reading began."""
        return self._journal.generation

    def get(self, key: str) -> Reading | None:
        """Return a copy, with the generation it was read at."""
        copy = self._held.get(key)
        return None if copy is None else Reading(copy.entry, copy.generation, "l1")

    def take(self, reading: Reading, begun: int) -> None:
        """Keep a copy of what was read, unless something happened meanwhile."""
        entry = reading.entry
        if entry is None or self._seconds <= 0 or len(entry.value) > self._max_size // 8:
            return
        if not self._journal.allows(entry, begun):
            return
        end = min(entry.expire_at, self._monotonic() + self._seconds)
        self._held.put(entry.key, _Copy(entry, reading.generation), end)
        if self._held.expire_at(entry.key):
            self._size += len(entry.value)
        while self._size > self._max_size:
            self._held.evict()

    def drop(self, signal: Signal) -> None:
        """Forget what a signal tells of, and void the readings under way."""
        if signal.reset:
            self.clear()
            return
        if signal.changed:
            self._journal.record(keys=frozenset(signal.changed))
            for key in signal.changed:
                self._held.pop(key)
        for prefix in signal.prefixes:
            self._journal.record(prefix=prefix)
            for key in [key for key in self._held.keys() if key.startswith(prefix)]:  # noqa: SIM118 - it is no mapping
                self._held.pop(key)

        for tag in signal.tags:
            self._journal.record(tag=tag)
            for key in self._held.keys():  # noqa: SIM118 - it is no mapping
                copy = self._held.get(key)
                if copy is not None and tag in copy.entry.tags:
                    self._held.pop(key)

    def clear(self) -> None:
        """Forget everything, and void every reading under way."""
        self._journal.forget()
        while len(self._held):
            self._held.evict()

    def sweep(self, limit: int) -> int:
        """Clear away at most `limit` copies that ended, and return how many it were."""
        return self._held.sweep(limit)

    def _on_removed(self, key: str, copy: _Copy, why: Removal) -> None:
        self._size -= len(copy.entry.value)
