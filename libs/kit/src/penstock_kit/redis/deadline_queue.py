"""How long many callers wait for a server: one timer for all of them, which does not count pauses of our own."""

import asyncio
from collections import deque
from typing import Any, Final

_TICKS: Final = 4


class DeadlineQueue:
    """Fails futures with TimeoutError that are not done after `seconds` of a running event loop.

    All wait equally long, so the first to come is the first to fail. A timer of one's own for each would cost more than
    the command it is for. Time is counted in ticks: a loop that stood still adds one tick at most, and an answer that
    came meanwhile is still read. A future fails at the latest a quarter of `seconds` after its time.
    """

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = seconds / _TICKS
        self._tick = 0
        self._waiting: deque[tuple[int, asyncio.Future[Any]]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, future: "asyncio.Future[Any]") -> None:
        """Fail `future` in time, unless it is done by then."""
        self._waiting.append((self._tick, future))
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._on_tick)

    def _on_tick(self) -> None:
        self._tick += 1
        waiting = self._waiting
        while waiting and (waiting[0][1].done() or self._tick - waiting[0][0] > _TICKS):
            future = waiting.popleft()[1]
            if not future.done():
                future.set_exception(TimeoutError())
        self._timer = self._loop.call_later(self._seconds, self._on_tick) if waiting else None
