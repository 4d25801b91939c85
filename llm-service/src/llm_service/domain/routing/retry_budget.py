"""The retry budget: how many more calls than requests there may be."""

from typing import Final

from penstock_kit.clock import Clock

_RESERVE: Final = 10.0


class RetryBudget:
    """A bucket of tokens, one for each call beyond the first of a request.

    Requests put `share` of a token in each and time `per_second`, up to ten: a single failure is always
    followed up, while of a flood of failures only a tenth is.
    """

    def __init__(self, clock: Clock, *, share: float = 0.1, per_second: float = 0.2) -> None:
        self._clock = clock
        self._share = share
        self._per_second = per_second
        self._tokens = _RESERVE
        self._filled = clock.monotonic()

    def deposit(self) -> None:
        """A request came."""
        now = self._clock.monotonic()
        gained = self._share + (now - self._filled) * self._per_second
        self._tokens, self._filled = min(_RESERVE, self._tokens + gained), now

    def withdraw(self) -> bool:
        """Return whether one more call may be made, and take it."""
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
