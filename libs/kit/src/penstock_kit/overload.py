"""Whether this process has more to do than it can, and which new calls it refuses because of it.

A loop that is behind with its timers is behind with everything, and so is a service that is slow to answer a question
which takes no time. As CoDel does with queues, not a peak counts but what
stands: the least lag of the last second. Above the target a growing share of new calls is refused at once, below it the
share falls again, so that what is accepted keeps its time.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final

from penstock_kit.errors import PenstockError, Unavailable
from penstock_kit.supervision import supervise

_TICK: Final = 0.1
# Seconds that an answer to a probe is waited for.
_LONGEST: Final = 2.0
_WINDOW: Final = 1.0
# Seconds after which a refused caller may come again.
_RETRY_AFTER: Final = 1.0
_MOST: Final = 0.95
_RISE: Final = 0.1
_STEEPEST: Final = 3.0
_FALL: Final = 0.015


class LoadShedder:
    """Refuses a share of new calls while the event loop lags. `target` is the lag in seconds that is borne, 0 for any.

    It measures within the block of :meth:`running`. `lag` is what stands now, in seconds; `refused` counts the calls
    refused.
    """

    def __init__(self, target: float) -> None:
        self._target = target
        self._lags: deque[tuple[float, float]] = deque()
        self._owed = 0.0
        self.share = 0.0
        self.lag = 0.0
        self.refused = 0

    def check(self) -> None:
        """Return at once, or raise Unavailable (LOAD_LIMIT_EXCEEDED) that says when to come again."""
        if self.share and self._is_refused():
            message = "more is asked at once than this server can answer in time; come again in a moment"
            raise Unavailable(message, reason="LOAD_LIMIT_EXCEEDED", retry_after=_RETRY_AFTER)

    @asynccontextmanager
    async def running(self, measure: Callable[[], Awaitable[None]] | None = None) -> AsyncGenerator[None]:
        """Measure until the block ends: how late the loop is, or else how long `measure` takes."""
        measuring = asyncio.create_task(
            supervise("overload", self._measure if measure is None else partial(self._measure_by, measure))
        )
        try:
            yield
        finally:
            measuring.cancel()

    async def _measure(self) -> None:
        now = asyncio.get_running_loop().time
        while self._target > 0:
            due = now() + _TICK
            await asyncio.sleep(_TICK)
            self.observe(now(), lag=max(0.0, now() - due))

    async def _measure_by(self, measure: Callable[[], Awaitable[None]]) -> None:
        now = asyncio.get_running_loop().time
        while self._target > 0:
            await asyncio.sleep(_TICK)
            begun = now()
            # A service that is away refuses at once: that is no lag, and said by others.
            with suppress(PenstockError, TimeoutError):
                async with asyncio.timeout(_LONGEST):
                    await measure()
            self.observe(now(), lag=now() - begun)

    def observe(self, now: float, *, lag: float) -> None:
        """Take note that the loop was `lag` seconds late at `now`."""
        self._lags.append((now, lag))
        # The newest that is as old as the window stays: without it nothing is known of its beginning.
        while len(self._lags) > 1 and self._lags[1][0] <= now - _WINDOW:
            self._lags.popleft()
        if now - self._lags[0][0] < _WINDOW:
            return
        self.lag = min(each for _, each in self._lags)
        if self.lag > self._target:
            self.share = min(_MOST, self.share + _RISE * min(_STEEPEST, self.lag / self._target))
        elif self.lag < self._target / 2:
            self.share = max(0.0, self.share - _FALL)

    def _is_refused(self) -> bool:
        """Spread the share evenly, so that every run of calls gets its part."""
        self._owed += self.share
        if self._owed < 1.0:
            return False
        self._owed -= 1.0
        self.refused += 1
        return True
