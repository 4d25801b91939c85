"""Invalidations as they happen, for the copies that others hold."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

MAX_PENDING: Final = 1_000
MAX_KEYS_NAMED: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Invalidation:
    """Full keys and prefixes that are no longer what they were. `reset`: some may be missing here, drop everything."""

    keys: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    reset: bool = False


RESET: Final = Invalidation(reset=True)


class Watcher:
    """One reader's view: only what lies below its `prefix`, in order, bounded."""

    def __init__(self, *, prefix: str, max_pending: int = MAX_PENDING) -> None:
        self._prefix = prefix
        self._pending: list[Invalidation] = [RESET]
        self._max = max_pending
        self._ready = asyncio.Event()
        self._ready.set()

    def offer(self, invalidation: Invalidation) -> None:
        """Take what concerns this watcher; with too much unread, it all becomes one reset."""
        concerned = self._relevant_part(invalidation)
        if concerned is None:
            return
        if len(self._pending) >= self._max:
            self._pending = [RESET]
        elif self._pending != [RESET]:
            self._pending.append(concerned)
        self._ready.set()

    async def next(self) -> Invalidation:
        """Wait for the next invalidation. The first is a reset: what happened before is unknown."""
        await self._ready.wait()
        batch, self._pending = self._pending, []
        self._ready.clear()
        if any(each.reset for each in batch):
            return RESET
        keys = tuple(key for each in batch for key in each.keys)
        prefixes = tuple(prefix for each in batch for prefix in each.prefixes)
        return Invalidation(keys=keys, prefixes=prefixes)

    def _relevant_part(self, invalidation: Invalidation) -> Invalidation | None:
        if invalidation.reset:
            return invalidation
        mine = self._prefix
        keys = tuple(key for key in invalidation.keys if key.startswith(mine))
        prefixes = tuple(each for each in invalidation.prefixes if each.startswith(mine) or mine.startswith(each))
        return Invalidation(keys=keys, prefixes=prefixes) if keys or prefixes else None


class InvalidationBus:
    """Hands every invalidation to every watcher."""

    def __init__(self) -> None:
        self._watchers: set[Watcher] = set()

    @property
    def has_watchers(self) -> bool:
        """Whether anybody listens, so that a writer can spare itself the message."""
        return bool(self._watchers)

    @asynccontextmanager
    async def watch(self, prefix: str) -> AsyncGenerator[Watcher]:
        """Subscribe to what lies below the full `prefix` while inside the block."""
        watcher = Watcher(prefix=prefix)
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    def publish(self, *, keys: Sequence[str] = (), prefixes: Sequence[str] = (), reset: bool = False) -> None:
        """Tell everybody. More than 1,000 keys at once are told as a reset."""
        if not self._watchers or not (keys or prefixes or reset):
            return
        if reset or len(keys) > MAX_KEYS_NAMED:
            invalidation = RESET
        else:
            invalidation = Invalidation(keys=tuple(keys), prefixes=tuple(prefixes))
        for watcher in self._watchers:
            watcher.offer(invalidation)
