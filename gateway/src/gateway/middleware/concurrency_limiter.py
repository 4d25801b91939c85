"""How many calls a service may have at once without a queue that stands, shared fairly among tenants.

The signal is the time a call that does nothing takes: all of it is waiting in our own queues, whatever vendors take for
their answers. Queues come in convoys, so that most probes find none and few find all of it: what counts is how long one
who came at any moment would wait, which is the mean over time and not over probes. While it is above the target the
limit falls to the part of it that fits; while it is below half the target a limit that is reached grows by its root.
That is the gradient of Netflix's concurrency-limits and Envoy's adaptive concurrency, towards a delay that is borne.

A mean and a fall come too late for what fills the whole limit in less than half a second. So each probe bounds it at
once too: a queue grows with the calls under way, and who would wait longer than the target by what the last probe
waited among how many (or the one under way has waited so far) is not let in. One probe alone among few calls may be a
pause and tells of no queue: only a second in a row that waits too bounds them below what a few people ask. Calls that
cost no time of ours are bounded by nothing that way. Nor are as many as a probe came through in time among a moment
ago: what one waits longer among no more is a pause, of a collection of garbage or a processor that others had, and no
queue of the calls; where it stands the mean tells.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from math import exp, inf, sqrt
from typing import Final

from penstock_kit.errors import PenstockError
from penstock_kit.supervision import supervise

# Seconds between two looks at how long calls wait, and over which the mean is taken.
_TICK: Final = 0.025
_MEMORY: Final = 0.25
# Targets that one look counts for at most.
_MOST: Final = 10.0
# Seconds after which a probe without an answer is given up and another one is sent.
_LONGEST: Final = 1.0
# So many calls at once are always served: fewer could not keep a machine busy.
LEAST: Final = 16
# So many are served whatever one probe alone has waited.
LEAST_BY_ONE: Final = 64
# The limit while no queue has stood: what may come in one moment.
START: Final = 256
# What is left of a limit by one fall, at most and at least. Seconds until the next: what waits has to be done first.
_FALL: Final = 0.9
_DEEPEST_FALL: Final = 0.5
_REST: Final = 0.3
# Seconds for which the mean has to stand above the target before a limit falls: a pause, in which the machine or a
# process stood still, is over by then, and what waited in it is no queue that less work would shorten.
_PAUSE: Final = 0.25
# What a limit that is reached grows by before a queue has stood.
_GROWTH: Final = 1.15
# Seconds without a full limit after which a fall is forgotten.
_FORGOTTEN: Final = 2.0
# Seconds for which it is known how many calls are carried.
_CARRIED: Final = 5.0
# Waits below this part of the target say nothing about how long a queue would be with more calls.
_TELLING: Final = 0.25
# A wait in the gateway's own loop counts so many times: refusals wait in it too.
_OWN: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """How many seconds a probe waited, or waits so far, that was sent while `among` calls were under way."""

    among: int
    seconds: float


_NO_WAIT: Final = Wait(among=0, seconds=0.0)


class ConcurrencyLimiter:
    """Refuses calls above a limit that follows the queueing delay. `target`: seconds of it that are borne, 0 for any.
    `least` calls at once are always served.

    When the limit is reached a tenant with less than its equal share of it is still served, so that one who asks
    little is not refused because of one who asks much. `delay` is what stands now, in seconds; `refused` counts
    the calls refused, `observed` the looks at the delay.
    """

    def __init__(self, target: float, *, least: int = LEAST) -> None:
        self.limit = float(START)
        self.in_flight = 0
        self.delay = 0.0
        self.refused = 0
        self.observed = 0
        self._target = target
        self._least = least
        self._bound = inf
        # How many probes in a row came back and had waited.
        self._told = 0
        # Among how many calls a probe came through in time, and when.
        self._carried = 0
        self._carried_at = 0.0
        self._held: dict[str, int] = {}
        self._observed_at: float | None = None
        self._has_stood = False
        # Since when the mean stands above the target.
        self._above_since: float | None = None
        self._full_at = 0.0
        self._fell_at = -_REST

    @property
    def is_full(self) -> bool:
        """Whether the limit is reached."""
        return self._target > 0 and self.in_flight >= self._allowed

    @property
    def _allowed(self) -> float:
        return min(self.limit, self._bound)

    def has_its_share(self, tenant: str) -> bool:
        """Return whether `tenant` has as much of the limit as each tenant that asks now could have."""
        held = self._held.get(tenant, 0)
        return held >= self._allowed / (len(self._held) + (held == 0))

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

    def bound(self, *waits: Wait) -> None:
        """Let no more in than wait about as long as the target, by what these probes of late tell."""
        telling = [each for each in waits if self._tells(each)]
        self._told = self._told if waits else 0
        least = self._least if max(len(telling), self._told) > 1 else LEAST_BY_ONE
        fitting = min((each.among * self._target / each.seconds for each in telling), default=inf)
        self._bound = max(least, self._carried, fitting)

    def _tells(self, wait: Wait) -> bool:
        return wait.seconds > _TELLING * self._target

    def record(self, now: float, wait: Wait) -> None:
        """Take note of a probe that has come back."""
        self._told = self._told + 1 if self._tells(wait) else 0
        is_over = now - self._carried_at > _CARRIED
        if wait.seconds <= self._target and (wait.among >= self._carried or is_over):
            self._carried, self._carried_at = wait.among, now
        elif is_over:
            self._carried = 0

    def observe(self, now: float, delay: float) -> None:
        """Take note that a call that does nothing has been waiting `delay` seconds at `now`."""
        self.observed += 1
        passed = _TICK if self._observed_at is None else now - self._observed_at
        self._observed_at = now
        self.delay += (min(delay, _MOST * self._target) - self.delay) * (1 - exp(-passed / _MEMORY))
        if self.delay > self._target:
            self._above_since = now if self._above_since is None else self._above_since
            if now - self._above_since >= _PAUSE:
                self._fall(now)
            return
        self._above_since = None
        if self.in_flight >= self.limit:
            self._full_at = now
            if max(delay, self.delay) < self._target / 2:
                self.limit += sqrt(self.limit) if self._has_stood else self.limit * (_GROWTH - 1)
        elif now - self._full_at > _FORGOTTEN:
            self._has_stood, self.limit = False, float(max(START, self.in_flight))

    def _fall(self, now: float) -> None:
        """Take as many as wait no longer than they may; it shows when what waits now is done."""
        self._has_stood, self._full_at, self._carried = True, now, 0
        if now - self._fell_at < _REST:
            return
        self._fell_at = now
        part = min(_FALL, max(_DEEPEST_FALL, self._target / self.delay))
        self.limit = max(float(self._least), min(self.limit, self.in_flight) * part)

    @asynccontextmanager
    async def running(self, probe: Callable[[], Awaitable[float]]) -> AsyncGenerator[None]:
        """Measure how long `probe` takes, while calls are under way that could wait, until the block ends.

        It returns how many seconds calls wait in queues that it did not go through itself.
        """
        measuring = asyncio.create_task(supervise("concurrency limit", partial(self._measure, probe)))
        try:
            yield
        finally:
            measuring.cancel()

    async def _measure(self, probe: Callable[[], Awaitable[float]]) -> None:
        last = _NO_WAIT
        while self._target > 0:
            if self.in_flight >= self._least:
                last = await self._follow(probe, last)
            else:
                await asyncio.sleep(_TICK)
                self.bound()
                self.observe(asyncio.get_running_loop().time(), 0.0)

    async def _follow(self, probe: Callable[[], Awaitable[float]], last: Wait) -> Wait:
        """Send a probe and observe until it is back; return how long that took.

        Meanwhile it counts as long as the `last` one did, and as it has been under way when that is more.
        """
        now, among = asyncio.get_running_loop().time, self.in_flight
        task = asyncio.create_task(_seconds_of(probe))
        begun = now()
        try:
            while True:
                late = await self._tick()
                wait = Wait(among=among, seconds=task.result() if task.done() else now() - begun)
                last = _NO_WAIT if task.done() else last
                if task.done():
                    self.record(now(), wait)
                self.bound(wait, last)
                self.observe(now(), max(wait.seconds, last.seconds, _OWN * late))
                if task.done() or wait.seconds > _LONGEST:
                    return wait
        finally:
            task.cancel()

    async def _tick(self) -> float:
        """Wait for a tick and return by how much it was late because of what this process does."""
        now = asyncio.get_running_loop().time
        begun, busy = now(), time.process_time()
        await asyncio.sleep(_TICK)
        # A processor that others had is no queue of ours, and taking less work gives none back.
        return max(0.0, min(now() - begun - _TICK, time.process_time() - busy))


async def _seconds_of(probe: Callable[[], Awaitable[float]]) -> float:
    """Return how long `probe` takes, with what it knows of other queues."""
    now = asyncio.get_running_loop().time
    begun, hidden = now(), 0.0
    # A service that is away refuses at once: that is no delay, and said by others.
    with suppress(PenstockError, TimeoutError):
        hidden = await probe()
    return now() - begun + hidden
