"""A clock that a test moves."""

from datetime import UTC, datetime, timedelta
from typing import Final

START: Final = datetime(2026, 1, 1, tzinfo=UTC)


class ManualClock:
    """A penstock_kit Clock that stands still until it is told to advance."""

    def __init__(self, *, start: datetime = START, monotonic: float = 1_000.0) -> None:
        self._start = start
        self._zero = monotonic
        self._passed = 0.0

    def now(self) -> datetime:
        """Return the wall-clock time in UTC."""
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        """Return the seconds of the monotonic clock."""
        return self._zero + self._passed

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass on both clocks."""
        self._passed += seconds
