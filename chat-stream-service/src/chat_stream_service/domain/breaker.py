"""A circuit breaker: what fails again and again is left alone for a while."""

from penstock_kit.clock import Clock


class Breaker:
    """Opens after `threshold` failures in a row; every `cooldown` seconds one call may try again.

    Ask :meth:`allows` before a call and tell it how the call went; what was neither (cancelled) is :meth:`unknown`.
    """

    def __init__(self, *, clock: Clock, threshold: int = 3, cooldown: float = 10.0) -> None:
        self._clock = clock
        self._threshold = threshold
        self._cooldown = cooldown
        self._failures = 0
        self._next_try = 0.0

    @property
    def open(self) -> bool:
        """Whether calls are refused but for the trials."""
        return self._failures >= self._threshold

    def allows(self) -> bool:
        """Whether to call now; while open a yes is given once per cooldown."""
        if not self.open:
            return True
        now = self._clock.monotonic()
        if now < self._next_try:
            return False
        self._next_try = now + self._cooldown
        return True

    def retry_after(self) -> float:
        """Return the seconds until the next trial, 0 when one is due."""
        return max(0.0, self._next_try - self._clock.monotonic()) if self.open else 0.0

    def succeeded(self) -> None:
        """Note a call that was answered: closed again."""
        self._failures = 0

    def failed(self) -> bool:
        """Note a failed call; returns True when it is this one that opens the breaker."""
        self._failures += 1
        self._next_try = self._clock.monotonic() + self._cooldown
        return self._failures == self._threshold

    def unknown(self) -> None:
        """Note a trial that ended without a verdict: the next caller may try."""
        self._next_try = self._clock.monotonic()
