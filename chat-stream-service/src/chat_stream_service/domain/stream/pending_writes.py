"""Turns that ended while the store was away: they are stored as soon as it takes them."""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from penstock_kit.errors import PenstockError, Unavailable
from penstock_kit.logging import get_logger

_MOST: Final = 1000

log = get_logger(__name__)


class Unstored:
    """Keeps what has to be stored, in order; the oldest is given up when there is too much."""

    def __init__(self, *, most: int = _MOST) -> None:
        self._most = most
        self._waiting: deque[tuple[str, Callable[[], Awaitable[None]]]] = deque()

    def add(self, stream_id: str, store: Callable[[], Awaitable[None]]) -> None:
        """Keep a turn; `store` stores it and may be called again when it fails."""
        if len(self._waiting) >= self._most:
            log.error("answer given up: too many wait for the store", stream_id=self._waiting.popleft()[0])
        self._waiting.append((stream_id, store))

    async def work_off(self) -> None:
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
