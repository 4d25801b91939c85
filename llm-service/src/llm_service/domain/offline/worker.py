"""The rules run on a small pool of threads, so that no prompt holds the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Final, TypeVar

_THREADS: Final = 2
_Result = TypeVar("_Result")

Checkpoint = Callable[[], None]
"""Called between steps of a work; raises WorkAbandoned when nobody waits for its result any more."""


def unchecked() -> None:
    """Check nothing: the work is done for a caller that waits."""


class WorkAbandoned(Exception):  # noqa: N818 - it ends a work that nobody waits for, it is no error
    """The caller of a work has left."""


class RuleWorker:
    """Runs bounded work in threads. A work whose caller leaves is dropped from the queue or ends at its next step."""

    def __init__(self, *, threads: int = _THREADS) -> None:
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="offline")

    async def run(self, work: Callable[[Checkpoint], _Result]) -> _Result:
        """Return what `work` returns; raises what it raises."""
        left = Event()

        def checkpoint() -> None:
            if left.is_set():
                raise WorkAbandoned

        try:
            return await asyncio.wrap_future(self._pool.submit(work, checkpoint))
        except asyncio.CancelledError:
            left.set()
            raise

    def close(self) -> None:
        """Start no further work."""
        self._pool.shutdown(wait=False, cancel_futures=True)
