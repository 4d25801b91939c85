"""A question to the issuer that failed a moment ago: those who waited to ask the same have the same answer."""

from typing import Final

from penstock_kit.clock import Clock
from penstock_kit.errors import PenstockError, error_class

_SECONDS: Final = 2.0


class RecentFailure:
    """Remembers one failure for two seconds, so that those who wait for a slow issuer do not wait one by one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._error: PenstockError | None = None
        self._until = 0.0

    def check(self) -> None:
        """Raise what failed, while that is recent."""
        if self._error is not None and self._clock.monotonic() < self._until:
            raise error_class(self._error.kind)(self._error.message, reason=self._error.reason)

    def note(self, error: PenstockError) -> None:
        """Remember what failed."""
        self._error, self._until = error, self._clock.monotonic() + _SECONDS
