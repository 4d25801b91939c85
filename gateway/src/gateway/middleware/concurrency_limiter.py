"""How many calls a service may have at once without a queue that stands, shared fairly among tenants.

The signal is the time a call that does nothing takes: all of it is waiting in our own queues, whatever vendors take for
their answers. As CoDel does, not a peak counts but the least of the last probes. While it is above the target the limit
falls, while it is below half the target a limit that is reached grows: TCP's multiplicative decrease, slow start and
additive increase, as in Netflix's concurrency-limits and Envoy's adaptive concurrency.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from penstock_kit.errors import PenstockError

# Seconds between two probes, and how many of them must agree.
_TICK: Final = 0.025
_PROBES: Final = 2
# Targets after which a probe is late, however long it takes.
_LATE: Final = 1.25
# So many calls at once are always served: fewer could not keep a machine busy.
LEAST: Final = 16
# The limit while no queue has stood: what may come in one moment.
START: Final = 256
# What is left of a limit by one fall; what a limit that is reached grows by before a queue has stood, and after.
_FALL: Final = 0.7
_FAST_GROWTH: Final = 1.5
_GROWTH: Final = 1.02
# Seconds without a full limit after which a fall is forgotten.
_FORGOTTEN: Final = 5.0


class ConcurrencyLimiter:
    """Refuses calls above a limit that follows the queueing delay. `target`: seconds of it that are borne, 0 for any.

    When the limit is reached a tenant with less than its equal share of it is still served, so that one who asks
    little is not refused because of one who asks much. `delay` is what stands now, in seconds; `refused` counts
    the calls refused, `observed` the probes.
    """

    def __init__(self, target: float) -> None:
        self.limit = float(START)
        self.in_flight = 0
        self.delay = 0.0
        self.refused = 0
        self.observed = 0
        self._target = target
        self._delays: deque[float] = deque(maxlen=_PROBES)
        self._held: dict[str, int] = {}
        self._has_stood = False
        self._full_at = 0.0

    @property
    def is_full(self) -> bool:
        """Whether the limit is reached."""
        return self._target > 0 and self.in_flight >= self.limit

    def has_its_share(self, tenant: str) -> bool:
        """Return whether `tenant` has as much of the limit as each tenant that asks now could have."""
        held = self._held.get(tenant, 0)
        return held >= self.limit / (len(self._held) + (held == 0))

    def acquire(self, tenant: str) -> bool:
        """Count a call of `tenant` until :meth:`release`, or return False: it is one too many."""
        if self.is_full and self.has_its_share(tenant):
            return False
        self._held[tenant] = self._held.get(tenant, 0) + 1
        self.in_flight += 1
        return True

    def release(self, tenant: str) -> None:
        """Count a call of `tenant` no longer."""
        self.in_flight -= 1
        held = self._held[tenant] - 1
        if held:
            self._held[tenant] = held
        else:
            del self._held[tenant]

    def observe(self, now: float, delay: float) -> None:
        """Take note that a call that does nothing took `delay` seconds at `now`."""
        self.observed += 1
        self._delays.append(delay)
        self.delay = min(self._delays)
        if self.delay > self._target and len(self._delays) == _PROBES:
            self._fall(now)
        elif self.in_flight >= self.limit:
            self._full_at = now
            if delay < self._target / 2:
                self.limit = 1 + self.limit * (_GROWTH if self._has_stood else _FAST_GROWTH)
        elif now - self._full_at > _FORGOTTEN:
            self._has_stood, self.limit = False, float(max(START, self.in_flight))

    def _fall(self, now: float) -> None:
        """Take fewer; the next probes say whether they are few enough."""
        self.limit = max(float(LEAST), min(self.limit, self.in_flight) * _FALL)
        self._delays.clear()
        self._has_stood, self._full_at = True, now

    @asynccontextmanager
    async def running(self, probe: Callable[[], Awaitable[float]]) -> AsyncGenerator[None]:
        """Measure how long `probe` takes, while calls are under way that could wait, until the block ends.

        It returns how many seconds calls wait in queues that it did not go through itself.
        """
        measuring = asyncio.create_task(self._measure(probe))
        try:
            yield
        finally:
            measuring.cancel()

    async def _measure(self, probe: Callable[[], Awaitable[float]]) -> None:
        now = asyncio.get_running_loop().time
        while self._target > 0:
            await asyncio.sleep(_TICK)
            begun, hidden = now(), 0.0
            if self.in_flight >= LEAST:
                # A service that is away refuses at once: that is no delay, and said by others.
                with suppress(PenstockError, TimeoutError):
                    async with asyncio.timeout(_LATE * self._target):
                        hidden = await probe()
            self.observe(now(), now() - begun + hidden)
