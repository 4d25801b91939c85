"""Slows down guessing: a few failures per subject, then a pause."""

from typing import Final

from penstock_kit.clock import Clock
from penstock_kit.errors import ResourceExhausted

_MOST: Final = 50_000


class Throttle:
    """Counts failures per subject in a fixed window; at `limit` the subject is refused until the window ends."""

    def __init__(self, *, clock: Clock, limit: int = 5, window: float = 60.0) -> None:
        self._clock = clock
        self._limit = limit
        self._window = window
        self._failures: dict[str, tuple[float, int]] = {}

    def check(self, subject: str) -> None:
        """Raise ResourceExhausted (ATTEMPTS_LIMIT_EXCEEDED) with the time to wait when `subject` failed too often."""
        until, count = self._failures.get(subject, (0.0, 0))
        left = until - self._clock.monotonic()
        if left > 0 and count >= self._limit:
            message = f"too many failed attempts; wait {left:.0f} s"
            raise ResourceExhausted(message, reason="ATTEMPTS_LIMIT_EXCEEDED", retry_after=left)

    def failed(self, subject: str) -> None:
        """Count one failure."""
        now = self._clock.monotonic()
        until, count = self._failures.get(subject, (0.0, 0))
        if until <= now:
            self._failures.pop(subject, None)
            until, count = now + self._window, 0
        if len(self._failures) >= _MOST:
            del self._failures[next(iter(self._failures))]
        self._failures[subject] = (until, count + 1)

    def succeeded(self, subject: str) -> None:
        """Forget the failures of `subject`."""
        self._failures.pop(subject, None)
