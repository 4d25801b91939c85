"""Circuit breaker: stops asking who keeps failing, and tries one call before it trusts again."""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from penstock_kit.clock import Clock

_LONGEST_FACTOR: Final = 6.0


class BreakerState(StrEnum):
    """CLOSED lets calls through, OPEN none, HALF_OPEN one that decides."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRule:
    """When it opens: at least `calls` ended within `window` seconds and `share` of them failed.

    It stays open for `open_seconds`, twice as long each time the call that tries it fails, up to six times.
    """

    calls: int = 5
    share: float = 0.5
    window: float = 30.0
    open_seconds: float = 10.0


class Breaker:
    """One breaker over a rolling window. Ask `wait()` before a call, then tell how the call went."""

    def __init__(self, rule: BreakerRule, clock: Clock) -> None:
        self._rule = rule
        self._clock = clock
        self._ended: deque[tuple[float, bool]] = deque()
        self._opened: float | None = None
        self._open_for = rule.open_seconds
        self._trying = False

    @property
    def state(self) -> BreakerState:
        """The state now."""
        if self._opened is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self._left() > 0 else BreakerState.HALF_OPEN

    def wait(self) -> float:
        """Return the seconds until a call may be made, 0 for now."""
        if self._opened is None:
            return 0.0
        return self._open_for if self._trying else self._left()

    def begin(self) -> None:
        """Note that a call is made; of an open breaker it is the one that decides."""
        self._trying = self._opened is not None

    def record_success(self) -> None:
        """Note that the call was answered."""
        if self._opened is not None:
            self._close()
        self._note(failed=False)

    def record_failure(self) -> None:
        """Note that the call failed."""
        if self._trying:
            self._open(min(self._open_for * 2, self._rule.open_seconds * _LONGEST_FACTOR))
        if self._opened is not None:
            return
        self._note(failed=True)
        failures = sum(failed for _, failed in self._ended)
        if len(self._ended) >= self._rule.calls and failures >= self._rule.share * len(self._ended):
            self._open(self._rule.open_seconds)

    def record_abandoned(self) -> None:
        """Note that the caller left before the call showed anything: it decides nothing."""
        self._trying = False

    def _open(self, seconds: float) -> None:
        self._opened, self._open_for, self._trying = self._clock.monotonic(), seconds, False
        self._ended.clear()

    def _close(self) -> None:
        self._opened, self._open_for, self._trying = None, self._rule.open_seconds, False

    def _left(self) -> float:
        return 0.0 if self._opened is None else max(0.0, self._opened + self._open_for - self._clock.monotonic())

    def _note(self, *, failed: bool) -> None:
        now = self._clock.monotonic()
        self._ended.append((now, failed))
        while len(self._ended) > 1000 or self._ended[0][0] < now - self._rule.window:
            self._ended.popleft()
