"""The keys of one provider: which is used next, which rests and which the vendor refused."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from llm_service.domain.model.failure import FailureKind, ProviderError
from penstock_kit.breaker import Breaker, BreakerRule, BreakerState
from penstock_kit.clock import Clock

_DEFAULT_COOLING: Final = 10.0
_SHORTEST_WAIT: Final = 0.1
# Callers may name any model, so the resting ones remembered of a key are bounded.
_MOST_RESTING: Final = 256
_LEAST_OPEN_FIRST: Final = (BreakerState.CLOSED, BreakerState.HALF_OPEN, BreakerState.OPEN)


class ApiKeyState(StrEnum):
    """LIVE is used, COOLING rests for some model until the vendor's limit is over, REVOKED is refused by the vendor."""

    LIVE = "live"
    COOLING = "cooling"
    REVOKED = "dead"  # the value that metrics and ListProviders show


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyStatus:
    """What is shown of one key: masked, its state and its breaker's."""

    masked: str
    state: ApiKeyState
    breaker: BreakerState


class ApiKey:
    """One key (or, for a server that needs none, its absence) with its own breaker."""

    def __init__(self, index: int, masked: str, breaker: Breaker) -> None:
        self.index = index
        self.masked = masked
        self.breaker = breaker
        self.in_flight = 0
        self.last_turn = 0
        self.revoked = False
        self._resting: dict[str, float] = {}

    def wait(self, now: float, model: str = "") -> float:
        """Return the seconds until the key may be used for `model`; without one, those for which no model may."""
        until = max(self._resting.get("", 0.0), self._resting.get(model, 0.0)) if self._resting else 0.0
        return max(until - now, self.breaker.wait(), 0.0)

    def rest(self, model: str, now: float, seconds: float) -> None:
        """Don't use the key for `model` (empty: for any) for so many seconds."""
        self._resting = {name: until for name, until in self._resting.items() if until > now}
        if len(self._resting) >= _MOST_RESTING:
            del self._resting[min(self._resting, key=lambda name: self._resting[name])]
        self._resting[model] = now + seconds

    def rests_for(self, now: float) -> float:
        """Return the seconds for which the key rests for some model, 0 when it does for none."""
        return max(0.0, max(self._resting.values(), default=0.0) - now)


class ApiKeyPool:
    """Hands out the least loaded key that may be used, in turn among equals.

    `masked` are the keys as they may be shown. `on_revoked` is told, once, of a key that the vendor refused.
    """

    def __init__(
        self,
        provider: str,
        masked: Sequence[str],
        *,
        rule: BreakerRule,
        clock: Clock,
        on_revoked: Callable[[str, str], None],
    ) -> None:
        self.provider = provider
        self._clock = clock
        self._on_revoked = on_revoked
        self._keys = [ApiKey(index, name, Breaker(rule, clock)) for index, name in enumerate(masked or ("",))]
        self._turn = 0

    def acquire(self, tried: Collection[int] = (), model: str = "") -> ApiKey:
        """Return a key for one call of `model`; end it with `release`.

        Raises ProviderError when none may be used: AUTH when the vendor refused all of them, else
        BREAKER_OPEN with the seconds until one may.
        """
        ready = self._ready(tried, model)
        if not ready:
            raise self.unavailable_error(model)
        key = min(ready, key=lambda each: (each.in_flight, each.last_turn))
        self._turn += 1
        key.last_turn = self._turn
        key.in_flight += 1
        key.breaker.begin()
        return key

    def has_ready(self, tried: Collection[int] = (), model: str = "") -> bool:
        """Return whether `acquire` would find a key."""
        return bool(self._ready(tried, model))

    def _ready(self, tried: Collection[int], model: str) -> list[ApiKey]:
        now = self._clock.monotonic()
        return [key for key in self._keys if not key.revoked and key.wait(now, model) <= 0 and key.index not in tried]

    def release(self, key: ApiKey) -> None:
        """The call with `key` is over, however it went."""
        key.in_flight -= 1

    def record_failure(self, key: ApiKey, failure: ProviderError, model: str = "") -> None:
        """Take note of how the call of `model` with `key` failed.

        A limit rests that model under that key, one of the whole account the key; a limit that does not say for how
        long is told with the rest that is taken here.
        """
        if failure.failure is FailureKind.RATE_LIMIT:
            seconds = failure.retry_after or _DEFAULT_COOLING
            key.rest("" if failure.account_wide else model, self._clock.monotonic(), seconds)
            if failure.retry_after is None and not failure.account_wide:
                failure.retry_after = seconds
            key.breaker.record_abandoned()
        elif failure.failure is FailureKind.AUTH:
            if not key.revoked:
                key.revoked = True
                self._on_revoked(self.provider, key.masked)
        elif failure.rule.counts_against_provider:
            key.breaker.record_failure()
        else:
            key.breaker.record_abandoned()

    def ready_in(self, model: str = "") -> float | None:
        """Return the seconds until some key may be used for `model`, 0 for now, None when all are dead."""
        now = self._clock.monotonic()
        return min((key.wait(now, model) for key in self._keys if not key.revoked), default=None)

    def rests_for(self) -> float:
        """Return the seconds until some key may be used for every model, 0 when there is one or all are dead."""
        now = self._clock.monotonic()
        waits = (max(key.rests_for(now), key.wait(now)) for key in self._keys if not key.revoked)
        return min(waits, default=0.0)

    @property
    def size(self) -> int:
        """How many keys there are; 1 for a server that needs none."""
        return len(self._keys)

    @property
    def breaker(self) -> BreakerState:
        """The provider's breaker: as open as that of its least open key."""
        states = {key.breaker.state for key in self._keys if not key.revoked} or {BreakerState.OPEN}
        return next(
            state for state in (BreakerState.CLOSED, BreakerState.HALF_OPEN, BreakerState.OPEN) if state in states
        )

    @property
    def has_revoked(self) -> bool:
        """Whether the vendor refused one of the keys."""
        return any(key.revoked for key in self._keys)

    def views(self) -> tuple[ApiKeyStatus, ...]:
        """Return what is shown of the keys."""
        now = self._clock.monotonic()
        return tuple(
            ApiKeyStatus(masked=key.masked, state=_state(key, now), breaker=key.breaker.state) for key in self._keys
        )

    def unavailable_error(self, model: str = "") -> ProviderError:
        """Return why no key may be used for `model` now."""
        wait = self.ready_in(model)
        if wait is None:
            message = f"{self.provider} refused our credentials; they rest until the configuration is read again"
            return ProviderError(message, provider=self.provider, failure=FailureKind.AUTH, asked=False)
        wait = max(wait, _SHORTEST_WAIT)
        asked = f"{self.provider}/{model}" if model else self.provider
        message = f"{asked} is not asked for another {wait:.1f} s, because it failed or limited us before"
        return ProviderError(
            message, provider=self.provider, failure=FailureKind.BREAKER_OPEN, retry_after=wait, asked=False
        )


def _state(key: ApiKey, now: float) -> ApiKeyState:
    if key.revoked:
        return ApiKeyState.REVOKED
    return ApiKeyState.COOLING if key.rests_for(now) > 0 else ApiKeyState.LIVE
