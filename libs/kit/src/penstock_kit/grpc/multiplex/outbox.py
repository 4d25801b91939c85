"""Frames on their way out: what gathers while a message is written leaves with the next one."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

Frame = TypeVar("Frame")

_MOST_BYTES: Final = 1024 * 1024
_MOST_FRAMES: Final = 1024
# Least time between two messages where much is going on: a message costs far more than a frame in it. It grows with the
# calls that have something to say, each of which has the less to lose the more there are.
_LEAST_GAP: Final = 0.001
_GAP_A_CALL: Final = 0.00002
_MOST_GAP: Final = 0.004
_BUSY_CALLS: Final = 4
_SPAN_SECONDS: Final = 0.05
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
        self._recent = _Recent()
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
            # Streams on which nothing happens are no reason to wait.
            busy = min(self._calls(), self._recent.count + len(self._frames))
            if (early := next_time - loop.time()) > 0 and busy > _BUSY_CALLS:
                await asyncio.sleep(early)
            now = loop.time()
            next_time = now + min(max(_LEAST_GAP, _GAP_A_CALL * busy), _MOST_GAP)
            batch = self._batch()
            self._recent.add(len(batch), now)
            await self._write(batch)
            if not self._frames:
                self._empty.set()

    async def wait_until_empty(self) -> None:
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


class _Recent:
    """Counts frames; `count` is how many there were in a span that ended not long ago, or in the one that goes on."""

    __slots__ = ("_before", "_now", "_since")

    def __init__(self) -> None:
        self._before = self._now = 0
        self._since = 0.0

    @property
    def count(self) -> int:
        return max(self._before, self._now)

    def add(self, count: int, now: float) -> None:
        spans = (now - self._since) / _SPAN_SECONDS
        if spans >= 1:
            self._before = self._now if spans < 2 else 0
            self._now, self._since = 0, now
        self._now += count
