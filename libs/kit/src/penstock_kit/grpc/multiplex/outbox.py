"""Frames on their way out: what gathers while a message is written leaves with the next one."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

Frame = TypeVar("Frame")

_MOST_BYTES: Final = 1024 * 1024
_MOST_FRAMES: Final = 1024
# Least time between two messages where much is going on: a message costs far more than a frame in it. It grows with the
# calls, each of which has the less to lose the more there are.
_LEAST_GAP: Final = 0.001
_GAP_A_CALL: Final = 0.00002
_MOST_GAP: Final = 0.004
_BUSY_CALLS: Final = 4
# What a frame costs beside the bytes it carries, about.
_FRAME_BYTES: Final = 64


class Outbox(Generic[Frame]):
    """Frames in order, written by one task, which is :meth:`run`.

    `calls` says how many are under way: where there are many it pays to let frames gather.
    """

    def __init__(self, write: Callable[[Sequence[Frame]], Awaitable[None]], calls: Callable[[], int]) -> None:
        self._write = write
        self._calls = calls
        self._frames: deque[tuple[Frame, int]] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    def put(self, frame: Frame, size: int = 0) -> None:
        """Send `frame`, which carries `size` bytes, as soon as what came before it is out."""
        self._frames.append((frame, size))
        self._empty.clear()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def run(self) -> None:
        """Write what is put until cancelled, or until writing fails."""
        loop = asyncio.get_running_loop()
        next_time = 0.0
        while True:
            if not self._frames:
                self._waiter = loop.create_future()
                await self._waiter
                self._waiter = None
            if (early := next_time - loop.time()) > 0 and self._calls() > _BUSY_CALLS:
                await asyncio.sleep(early)
            next_time = loop.time() + min(max(_LEAST_GAP, _GAP_A_CALL * self._calls()), _MOST_GAP)
            await self._write(self._batch())
            if not self._frames:
                self._empty.set()

    async def emptied(self) -> None:
        """Return when all that was put has been written."""
        await self._empty.wait()

    def _batch(self) -> Sequence[Frame]:
        """Return what goes into one message: it stays well below the largest one, however much has gathered."""
        frames = self._frames
        batch: list[Frame] = []
        size = 0
        while frames and len(batch) < _MOST_FRAMES:
            size += frames[0][1] + _FRAME_BYTES
            if batch and size > _MOST_BYTES:
                break
            batch.append(frames.popleft()[0])
        return batch
