"""Work that follows an answer: bounded, and never in an answer's way."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from traceback import format_tb
from typing import Any, Final

from penstock_kit.errors import PenstockError
from penstock_kit.logging import get_logger

Job = Callable[[], Awaitable[None]]

_JOB_SECONDS: Final = 120.0
_FRAMES: Final = 4

log = get_logger(__name__)


class BackgroundJobs:
    """Runs jobs one after another, some at once, each as the caller it was submitted for.

    What comes when too much waits already is dropped and counted; a job that fails is logged.
    """

    def __init__(
        self, *, at_once: int = 2, most_waiting: int = 256, job_seconds: float = _JOB_SECONDS, most_tasks: int = 16
    ) -> None:
        self._at_once = at_once
        self._most_waiting = most_waiting
        self._job_seconds = job_seconds
        self._most_tasks = most_tasks
        self._waiting: deque[tuple[str, Job, Context]] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self.dropped = 0

    def call_on_close(self, close: Callable[[], Awaitable[None]]) -> None:
        """Have what the jobs work with closed when the last of them is done."""
        self._closers.append(close)

    def submit(self, name: str, job: Job) -> bool:
        """Have a job done soon; returns False when it was dropped."""
        if len(self._waiting) >= self._most_waiting:
            self.dropped += 1
            if self.dropped == 1 or self.dropped % 100 == 0:
                log.warning("too much waits to be done", job=name, waiting=len(self._waiting), dropped=self.dropped)
            return False
        self._waiting.append((name, job, copy_context()))
        self._begin()
        return True

    def add_task(self, task: asyncio.Task[Any], *, seconds: float) -> None:
        """Look after a task nobody waits for any more: cancel it after `seconds`, or now when there are too many."""
        if len(self._tasks) >= self._most_tasks:
            task.cancel()
        timer = asyncio.get_running_loop().call_later(seconds, task.cancel)
        self._tasks.add(task)

        def over(ended: asyncio.Task[Any]) -> None:
            timer.cancel()
            self._tasks.discard(ended)
            if not ended.cancelled() and ended.exception() is not None:
                log.debug("a late task failed", error=type(ended.exception()).__name__)

        task.add_done_callback(over)

    async def idle(self) -> None:
        """Return when nothing runs or waits."""
        while self._running:
            await asyncio.wait(set(self._running))

    async def close(self, seconds: float) -> None:
        """Finish what runs and waits within `seconds` and give the rest up."""
        try:
            async with asyncio.timeout(seconds):
                await self.idle()
        except TimeoutError:
            log.warning("work given up at the end", waiting=len(self._waiting), running=len(self._running))
        self._waiting.clear()
        running = [*self._running, *self._tasks]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for close in self._closers:
            await close()

    def _begin(self) -> None:
        while self._waiting and len(self._running) < self._at_once:
            name, job, context = self._waiting.popleft()
            task = asyncio.get_running_loop().create_task(self._do(name, job), context=context, name=name)
            self._running.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._begin()

    async def _do(self, name: str, job: Job) -> None:
        try:
            async with asyncio.timeout(self._job_seconds):
                await job()
        except TimeoutError:
            log.warning("work took too long", job=name, seconds=self._job_seconds)
        except PenstockError as error:
            log.warning("work failed", job=name, reason=error.reason, detail=error.message)
        except Exception as error:  # noqa: BLE001 - logged by its place in the code: its values hold what was said
            place = "".join(format_tb(error.__traceback__)[-_FRAMES:])
            log.error("work failed", job=name, error=type(error).__name__, place=place)
