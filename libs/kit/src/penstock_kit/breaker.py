"""Circuit breaker: stops asking who keeps failing, and tries one call before it trusts again."""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

from penstock_kit.clock import Clock

# The longest that a breaker stays open, in times of its `open_seconds`, however many trials fail.
_LONGEST_FACTOR: Final = 6.0
# Calls of a window that are remembered; of more, only the last ones count.
_MOST_CALLS: Final = 1000


class BreakerState(StrEnum):
    """CLOSED lets calls through, OPEN none, HALF_OPEN one that decides."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRate:
    """Opens when at least `calls` ended within `window` seconds and `share` of them failed: for many calls at a time.

    It stays open for `open_seconds`, twice as long each time the call that tries it fails, up to six times.
    """

    calls: int = 5
    share: float = 0.5
    window: float = 30.0
    open_seconds: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsecutiveFailures:
    """Opens with the last of `failures` calls in a row that failed: for calls so rare that a share says nothing.

    One call tries it every `open_seconds`.
    """

    failures: int = 3
    open_seconds: float = 10.0


BreakerRule = FailureRate | ConsecutiveFailures


class Breaker:
    """One breaker. Ask `try_acquire()`, or `wait()` and `begin()`, before a call, then tell how the call went.

    A call that tries an open breaker and says nothing of how it went keeps it for the time it was open; then another
    call may try.
    """

    def __init__(self, rule: BreakerRule, clock: Clock) -> None:
        self._rule = rule
        self._clock = clock
        self._history = _history_of(rule, clock)
        self._opened: float | None = None
        self._open_for = rule.open_seconds
        self._next_try = 0.0
        self._trying = False

    @property
    def state(self) -> BreakerState:
        """The state now."""
        if self._opened is None:
            return BreakerState.CLOSED
        opens = self._opened + self._open_for
        return BreakerState.OPEN if self._clock.monotonic() < opens else BreakerState.HALF_OPEN

    def wait(self) -> float:
        """Return the seconds until a call may be made, 0 for now."""
        return 0.0 if self._opened is None else max(0.0, self._next_try - self._clock.monotonic())

    def begin(self) -> None:
        """Note that a call is made; of an open breaker it is the one that decides."""
        self._trying = self._opened is not None
        if self._trying:
            self._next_try = self._clock.monotonic() + self._open_for

    def try_acquire(self) -> bool:
        """Note that a call is made, if one may be made now; return whether."""
        allowed = self.wait() <= 0
        if allowed:
            self.begin()
        return allowed

    def record_success(self) -> None:
        """Note that the call was answered: it closes an open breaker."""
        if self._opened is not None:
            self._opened, self._open_for, self._trying = None, self._rule.open_seconds, False
        self._history.record(failed=False)

    def record_failure(self) -> bool:
        """Note that the call failed; return whether it is this one that opens the breaker."""
        if self._trying:
            self._open(self._next_open_seconds())
        if self._opened is not None or not self._history.record(failed=True):
            return False
        self._open(self._rule.open_seconds)
        return True

    def record_abandoned(self) -> None:
        """Note that the call ended before it showed anything: it decides nothing, the next call may try."""
        if self._trying:
            self._trying, self._next_try = False, self._clock.monotonic()

    def _open(self, seconds: float) -> None:
        now = self._clock.monotonic()
        self._opened, self._open_for, self._next_try, self._trying = now, seconds, now + seconds, False
        self._history.clear()

    def _next_open_seconds(self) -> float:
        """Return how long the breaker stays open after a trial that failed."""
        first = self._rule.open_seconds
        return min(self._open_for * 2, first * _LONGEST_FACTOR) if isinstance(self._rule, FailureRate) else first


class _WindowHistory:
    """The calls that ended within the rule's window."""

    def __init__(self, rule: FailureRate, clock: Clock) -> None:
        self._rule = rule
        self._clock = clock
        self._ended: deque[tuple[float, bool]] = deque(maxlen=_MOST_CALLS)

    def record(self, *, failed: bool) -> bool:
        """Note how a call ended; return whether too many failed."""
        now = self._clock.monotonic()
        self._ended.append((now, failed))
        while self._ended[0][0] < now - self._rule.window:
            self._ended.popleft()
        if not failed or len(self._ended) < self._rule.calls:
            return False
        return sum(failed for _, failed in self._ended) >= self._rule.share * len(self._ended)

    def clear(self) -> None:
        """Forget all calls."""
        self._ended.clear()


class _RowHistory:
    """The failures since the last success."""

    def __init__(self, rule: ConsecutiveFailures) -> None:
        self._rule = rule
        self._failures = 0

    def record(self, *, failed: bool) -> bool:
        """Note how a call ended; return whether too many failed."""
        self._failures = self._failures + 1 if failed else 0
        return self._failures >= self._rule.failures

    def clear(self) -> None:
        """Forget all calls."""
        self._failures = 0


def _history_of(rule: BreakerRule, clock: Clock) -> _WindowHistory | _RowHistory:
    match rule:
        case FailureRate():
            return _WindowHistory(rule, clock)
        case ConsecutiveFailures():
            return _RowHistory(rule)
        case _:
            assert_never(rule)
