"""Frames on their way out: what gathers while a message is written, and for a tick, leaves with the next one."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from penstock_kit.grpc.multiplex.pace import MOST_GATHERING, Pace

Frame = TypeVar("Frame")

_MOST_BYTES: Final = 1024 * 1024
_MOST_FRAMES: Final = 1024
# What a frame costs beside the bytes it carries, about.
_FRAME_BYTES: Final = 64
# Event loops count time in milliseconds: what is due within half of one is due.
_RESOLUTION: Final = 0.0005


class Outbox(Generic[Frame]):
    """Frames in order, written by one task, which is :meth:`run`.

    `calls` says how many are under way: where there are many it pays to let frames gather, pieces of answers for
    `most_gathering` seconds; see :class:`Pace`.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Frame]], Awaitable[None]],
        calls: Callable[[], int],
        *,
        most_gathering: float = MOST_GATHERING,
    ) -> None:
        self._write = write
        self._pace = Pace(calls, most_gathering)
        self._frames: deque[tuple[Frame, int]] = deque()
        # Whether a frame waits that others may not hold up for long.
        self._urgent = False
        self._waiter: asyncio.Future[None] | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    def put(self, frame: Frame, size: int = 0, *, urgent: bool = True) -> None:
        """Send `frame`, which carries `size` bytes, after what came before; one not `urgent` may wait for others."""
        if not self._frames:
            self._empty.clear()
            self._wake()
        self._frames.append((frame, size))
        if urgent and not self._urgent:
            self._urgent = True
            self._wake()

    async def run(self) -> None:
        """Write what is put until cancelled, or until writing fails."""
        loop = asyncio.get_running_loop()
        while True:
            if not self._frames:
                self._empty.set()
                await self._doze()
            while (due := self._pace.due(len(self._frames), urgent=self._urgent)) > loop.time() + _RESOLUTION:
                timer = loop.call_at(due, self._wake)
                await self._doze()
                timer.cancel()
            batch = self._batch()
            self._pace.written(len(batch), loop.time())
            await self._write(batch)

    async def wait_until_empty(self) -> None:
        """Return when all that was put has been written."""
        await self._empty.wait()

    async def _doze(self) -> None:
        """Return when the first frame is put, the first urgent one, or the time is over."""
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter
        self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

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
        self._urgent = self._urgent and bool(frames)
        return batch
