"""Wakes those who wait for something to happen under a key."""

import asyncio
from typing import Final

MAX_WAITERS: Final = 10_000


class KeyedNotifier:
    """Waiters by key, all woken when it rings. Waiting never fails: after the time is up one simply looks again."""

    def __init__(self, *, max_waiters: int = MAX_WAITERS) -> None:
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}
        self._count = 0
        self._max = max_waiters

    @property
    def waiters(self) -> int:
        """How many wait now."""
        return self._count

    async def wait(self, key: str, seconds: float) -> None:
        """Return when `key` is notified, after `seconds`, or at once when too many wait already."""
        if seconds <= 0 or self._count >= self._max:
            return
        notified: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        group = self._waiting.setdefault(key, set())
        group.add(notified)
        self._count += 1
        try:
            await asyncio.wait((notified,), timeout=seconds)
        finally:
            self._leave(key, group, notified)

    def notify(self, key: str) -> None:
        """Wake everybody who waits for `key`."""
        for notified in self._waiting.get(key, ()):
            if not notified.done():
                notified.set_result(None)

    def notify_all(self) -> None:
        """Wake everybody."""
        for key in tuple(self._waiting):
            self.notify(key)

    def _leave(self, key: str, group: set[asyncio.Future[None]], notified: asyncio.Future[None]) -> None:
        group.discard(notified)
        self._count -= 1
        if not group and self._waiting.get(key) is group:
            del self._waiting[key]
