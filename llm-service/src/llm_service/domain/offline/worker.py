"""The rules run on a small pool of threads, so that no prompt holds the event loop, and none a tenant's for long."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from threading import Event
from typing import Final, TypeVar

from penstock_kit.context import current_context

_THREADS: Final = 2
# Seconds that a work may take at full speed: any plain question. From then on it rests as long as it works.
_SHORT: Final = 0.05
# Seconds of work between two rests. A thread that works keeps all others waiting for the interpreter's lock.
_SLICE: Final = 0.004
_Result = TypeVar("_Result")

Checkpoint = Callable[[], None]
"""Called between steps of a work; raises WorkAbandoned when nobody waits for its result any more."""


def unchecked() -> None:
    """Check nothing: the work is done for a caller that waits."""


class WorkAbandoned(Exception):  # noqa: N818 - it ends a work that nobody waits for, it is no error
    """The caller of a work has left."""


class _Pace:
    """Lets a long work rest as long as it works, so that it has half of a core at most."""

    def __init__(self, now: Callable[[], float], rest: Callable[[float], None]) -> None:
        self._now = now
        self._rest = rest
        self._begun = self._slice_begun = now()

    def keep(self) -> None:
        """Rest when it is time to."""
        now = self._now()
        worked = now - self._slice_begun
        if now - self._begun > _SHORT and worked >= _SLICE:
            self._rest(worked)
            self._slice_begun = self._now()


class RuleWorker:
    """Runs bounded work in threads, one of a tenant's at a time, so that whoever asks much waits for himself.

    A work whose caller leaves is dropped from the queue or ends at its next step. `now` and `rest` are the time of the
    threads.
    """

    def __init__(
        self,
        *,
        threads: int = _THREADS,
        now: Callable[[], float] = time.perf_counter,
        rest: Callable[[float], None] = time.sleep,
    ) -> None:
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="offline")
        self._turns: dict[str, _Turn] = {}
        self._now = now
        self._rest = rest

    async def run(self, work: Callable[[Checkpoint], _Result]) -> _Result:
        """Return what `work` returns for the current caller; raises what it raises."""
        left = Event()

        def paced() -> _Result:
            pace = _Pace(self._now, self._rest)

            def checkpoint() -> None:
                if left.is_set():
                    raise WorkAbandoned
                pace.keep()

            return work(checkpoint)

        async with self._turn_of(current_context().caller.tenant_id):
            try:
                return await asyncio.wrap_future(self._pool.submit(paced))
            except asyncio.CancelledError:
                left.set()
                raise

    @asynccontextmanager
    async def _turn_of(self, tenant: str) -> AsyncGenerator[None]:
        """Wait for the works that `tenant` asked for before."""
        turn = self._turns.setdefault(tenant, _Turn())
        turn.waiting += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                del self._turns[tenant]

    def close(self) -> None:
        """Start no further work."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class _Turn:
    """Whose turn it is among the works of one tenant."""

    __slots__ = ("lock", "waiting")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.waiting = 0
