"""How late the event loop is: what one piece of work on it costs everybody else."""

import asyncio
from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, Histogram

# Seconds; a loop that does its work in small pieces stays in the first few.
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
# Seconds between two looks: ten cheap wake-ups a second, and no block of a tenth of a second goes unseen.
_INTERVAL: Final = 0.1


class LoopLag:
    """Measures by how much a timer of the running loop comes late, from the start to the end of the loop.

    ``event_loop_lag_seconds`` has the distribution, ``event_loop_lag_worst_seconds`` the worst since it was last read.
    """

    def __init__(self, registry: CollectorRegistry, service: str) -> None:
        lag = Histogram(
            "event_loop_lag_seconds",
            "By how much timers of the event loop come late.",
            ["service"],
            buckets=_BUCKETS,
            registry=registry,
        )
        worst = Gauge(
            "event_loop_lag_worst_seconds", "The longest lag since the last scrape.", ["service"], registry=registry
        )
        self._lag = lag.labels(service)
        self._worst = 0.0
        worst.labels(service).set_function(self._take_worst)

    def start(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Begin to measure `loop`, the running one by default."""
        measured = loop or asyncio.get_running_loop()
        self._wait(measured.time, measured.call_later)

    def note(self, seconds: float) -> None:
        """Count one lag."""
        self._lag.observe(seconds)
        self._worst = max(self._worst, seconds)

    def _wait(self, now: Callable[[], float], call_later: Callable[[float, Callable[[], None]], object]) -> None:
        due = now() + _INTERVAL

        def look() -> None:
            self.note(max(0.0, now() - due))
            self._wait(now, call_later)

        call_later(_INTERVAL, look)

    def _take_worst(self) -> float:
        worst, self._worst = self._worst, 0.0
        return worst
