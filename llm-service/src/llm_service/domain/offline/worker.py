"""The rules run on a small pool of threads, so that no prompt holds the event loop, and none a tenant's for long."""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from threading import Event
from typing import Final, TypeVar

from penstock_kit.context import current_context

_THREADS: Final = 4
# Seconds after which a thread that works gives the interpreter's lock to one that waits for it. A call takes the lock
# back several times, and would wait five milliseconds each time beside a work.
_SWITCH: Final = 0.0005
# Seconds that a tenant may work at full speed: many plain questions. From then on his work rests as long as it works.
_SHORT: Final = 0.05
# Seconds of these that come back in a second.
_RETURN: Final = 0.2
# Tenants whose allowances are kept.
_MOST_TENANTS: Final = 10_000
# Seconds of work between two rests. A thread that works keeps all others waiting for the interpreter's lock.
_SLICE: Final = 0.004
_Result = TypeVar("_Result")

Checkpoint = Callable[[], None]
"""Called between steps of a work; raises WorkAbandoned when nobody waits for its result any more."""


def unchecked() -> None:
    """Check nothing: the work is done for a caller that waits."""


class WorkAbandoned(Exception):  # noqa: N818 - it ends a work that nobody waits for, it is no error
    """The caller of a work has left."""


class _Allowance:
    """How long a tenant's works may go on at full speed: `_SHORT`, and again what has come back since it was used."""

    __slots__ = ("_at", "_left")

    def __init__(self, now: float) -> None:
        self._left, self._at = _SHORT, now

    def spend(self, seconds: float, now: float) -> bool:
        """Count so much work that ended at `now`; return whether it was more than the tenant has."""
        self._left = max(-_SHORT, self._spare(now) - seconds)
        self._at = now
        return self._left < 0

    def is_full(self, now: float) -> bool:
        """Whether all has come back."""
        return self._spare(now) >= _SHORT

    def _spare(self, now: float) -> float:
        return min(_SHORT, self._left + (now - self._at) * _RETURN)


class _Pace:
    """Lets a work that has used its allowance up rest as long as it works, so that it has half of a core at most."""

    def __init__(self, allowance: _Allowance, now: Callable[[], float], rest: Callable[[float], None]) -> None:
        self._allowance = allowance
        self._now = now
        self._rest = rest
        self._slice_begun = now()

    def keep(self) -> None:
        """Rest when it is time to."""
        now = self._now()
        worked = now - self._slice_begun
        if worked >= _SLICE:
            if self._allowance.spend(worked, now):
                self._rest(worked)
            self._slice_begun = self._now()

    def end(self) -> None:
        """Count what was worked since the last slice."""
        now = self._now()
        self._allowance.spend(now - self._slice_begun, now)


class RuleWorker:
    """Runs bounded work in threads, one of a tenant's at a time, so that whoever asks much waits for himself.

    Work rests once its tenant has worked for a twentieth of a second lately; a thread that rests is none to others, so
    there are more of them than processors.

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
        sys.setswitchinterval(min(_SWITCH, sys.getswitchinterval()))
        self._turns: dict[str, _Turn] = {}
        self._allowances: dict[str, _Allowance] = {}
        self._now = now
        self._rest = rest

    async def run(self, work: Callable[[Checkpoint], _Result]) -> _Result:
        """Return what `work` returns for the current caller; raises what it raises."""
        left, tenant = Event(), current_context().caller.tenant_id

        def paced() -> _Result:
            pace = _Pace(self._allowance_of(tenant), self._now, self._rest)

            def checkpoint() -> None:
                if left.is_set():
                    raise WorkAbandoned
                pace.keep()

            try:
                return work(checkpoint)
            finally:
                pace.end()

        async with self._turn_of(tenant):
            try:
                return await asyncio.wrap_future(self._pool.submit(paced))
            except asyncio.CancelledError:
                left.set()
                raise

    def _allowance_of(self, tenant: str) -> _Allowance:
        """Return what a tenant has; one of its works asks at a time."""
        known = self._allowances.get(tenant)
        if known is None:
            now = self._now()
            if len(self._allowances) >= _MOST_TENANTS:
                kept = tuple(self._allowances.items())
                self._allowances = {name: each for name, each in kept if not each.is_full(now)}
            known = self._allowances.setdefault(tenant, _Allowance(now))
        return known

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
