"""Turns that ended and are not stored yet: those under way, and those that wait because the store was away."""

import time
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Final

from penstock_kit.errors import PenstockError, Unavailable
from penstock_kit.logging import get_logger

_MOST: Final = 4000
# Seconds that the store may take for a turn before no more are begun: it is behind, and would fall further.
_SLOW: Final = 1.0
_RETRY_AFTER: Final = 1.0

log = get_logger(__name__)


class PendingWrites:
    """Keeps what has to be stored, in order. No more turns begin than it has room for, so that none is given up."""

    def __init__(self, *, most: int = _MOST, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._monotonic = monotonic
        self._under_way: dict[int, float] = {}
        self._turns = 0
        self._last_stored = 0.0
        # Since when the store works without a break: what waited while it was away is no sign that it is behind.
        self._works_since = 0.0
        self._waiting: deque[tuple[str, Callable[[], Awaitable[None]]]] = deque()

    def add(self, stream_id: str, store: Callable[[], Awaitable[None]]) -> None:
        """Keep a turn; `store` stores it and may be called again when it fails."""
        if len(self._waiting) >= self._most:
            log.error("answer given up: too many wait for the store", stream_id=self._waiting.popleft()[0])
        self._waiting.append((stream_id, store))

    def check_room(self, running: int) -> None:
        """Raise Unavailable (LOAD_LIMIT_EXCEEDED) when there is no room for a turn beside `running` ones."""
        if running + len(self._waiting) >= self._most:
            raise _too_many()

    def check_delay(self) -> None:
        """Raise Unavailable (LOAD_LIMIT_EXCEEDED) while the store is behind."""
        if self.delay > _SLOW:
            raise _too_many()

    def check_empty(self) -> None:
        """Raise Unavailable (LOAD_LIMIT_EXCEEDED) while turns wait: one with pictures is too large to wait too."""
        if self._waiting:
            message = "pictures can't be stored now; ask without them, or again in a moment"
            raise Unavailable(message, reason="LOAD_LIMIT_EXCEEDED", retry_after=_RETRY_AFTER)

    @property
    def delay(self) -> float:
        """Seconds that a store which works has been at the turn it got first; one that is away is waited for."""
        first = next(iter(self._under_way.values()), None)
        if first is None or self._last_stored <= first:
            return 0.0
        return self._monotonic() - max(first, self._works_since)

    @contextmanager
    def track_write(self) -> Generator[None]:
        """Count a turn that is being stored within the block."""
        self._turns += 1
        turn = self._turns
        self._under_way[turn] = self._monotonic()
        try:
            yield
            self._note_stored()
        finally:
            del self._under_way[turn]

    def _note_stored(self) -> None:
        now, first = self._monotonic(), next(iter(self._under_way.values()))
        if now - max(first, self._last_stored) > _SLOW:
            self._works_since = now
        self._last_stored = now

    async def flush(self) -> None:
        """Store what waits, until the store fails again. A turn whose conversation is gone by now is forgotten."""
        while self._waiting:
            stream_id, store = self._waiting[0]
            try:
                await store()
            except (Unavailable, TimeoutError):
                return
            except PenstockError as error:
                log.warning("late answer not stored", stream_id=stream_id, detail=error.message)
            else:
                log.info("late answer stored", stream_id=stream_id)
            self._waiting.popleft()


def _too_many() -> Unavailable:
    message = "more answers are asked for than the store takes; come again in a moment"
    return Unavailable(message, reason="LOAD_LIMIT_EXCEEDED", retry_after=_RETRY_AFTER)
