"""The keys of one provider: which is used next, which rests and which the vendor refused."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from llm_service.domain.keys.breaker import Breaker, BreakerRule, BreakerState
from llm_service.domain.model.failure import FailureKind, ProviderError
from penstock_kit.clock import Clock

_DEFAULT_COOLING: Final = 10.0
_SHORTEST_WAIT: Final = 0.1
# Callers may name any model, so the resting ones remembered of a key are bounded.
_MOST_RESTING: Final = 256
_LEAST_OPEN_FIRST: Final = (BreakerState.CLOSED, BreakerState.HALF_OPEN, BreakerState.OPEN)


class KeyState(StrEnum):
    """LIVE is used, COOLING rests for some model until the vendor's limit is over, DEAD was refused by the vendor."""

    LIVE = "live"
    COOLING = "cooling"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyView:
    """What is shown of one key: masked, its state and its breaker's."""

    masked: str
    state: KeyState
    breaker: BreakerState


class Slot:
    """One key (or, for a server that needs none, its absence) with its own breaker."""

    def __init__(self, index: int, masked: str, breaker: Breaker) -> None:
        self.index = index
        self.masked = masked
        self.breaker = breaker
        self.in_flight = 0
        self.last_turn = 0
        self.dead = False
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


class KeyRing:
    """Hands out the least loaded key that may be used, in turn among equals.

    `masked` are the keys as they may be shown. `on_dead` is told, once, of a key that the vendor refused.
    """

    def __init__(
        self,
        provider: str,
        masked: Sequence[str],
        *,
        rule: BreakerRule,
        clock: Clock,
        on_dead: Callable[[str, str], None],
    ) -> None:
        self.provider = provider
        self._clock = clock
        self._on_dead = on_dead
        self._slots = [Slot(index, name, Breaker(rule, clock)) for index, name in enumerate(masked or ("",))]
        self._turn = 0

    def take(self, tried: Collection[int] = (), model: str = "") -> Slot:
        """Return a key for one call of `model`; end it with `give_back`.

        Raises ProviderError when none may be used: AUTH when the vendor refused all of them, else
        BREAKER_OPEN with the seconds until one may.
        """
        ready = self._ready(tried, model)
        if not ready:
            raise self.refusal(model)
        slot = min(ready, key=lambda each: (each.in_flight, each.last_turn))
        self._turn += 1
        slot.last_turn = self._turn
        slot.in_flight += 1
        slot.breaker.began()
        return slot

    def has_ready(self, tried: Collection[int] = (), model: str = "") -> bool:
        """Return whether `take` would find a key."""
        return bool(self._ready(tried, model))

    def _ready(self, tried: Collection[int], model: str) -> list[Slot]:
        now = self._clock.monotonic()
        return [
            slot for slot in self._slots if not slot.dead and slot.wait(now, model) <= 0 and slot.index not in tried
        ]

    def give_back(self, slot: Slot) -> None:
        """The call with `slot` is over, however it went."""
        slot.in_flight -= 1

    def failed(self, slot: Slot, failure: ProviderError, model: str = "") -> None:
        """Take note of how the call of `model` with `slot` failed.

        A limit rests that model under that key, one of the whole account the key; a limit that does not say for how
        long is told with the rest that is taken here.
        """
        if failure.failure is FailureKind.RATE_LIMIT:
            seconds = failure.retry_after or _DEFAULT_COOLING
            slot.rest("" if failure.account_wide else model, self._clock.monotonic(), seconds)
            if failure.retry_after is None and not failure.account_wide:
                failure.retry_after = seconds
            slot.breaker.left()
        elif failure.failure is FailureKind.AUTH:
            slot.breaker.left()
            if not slot.dead:
                slot.dead = True
                self._on_dead(self.provider, slot.masked)
        elif failure.rule.counts_against_provider:
            slot.breaker.failed()
        else:
            slot.breaker.left()

    def ready_in(self, model: str = "") -> float | None:
        """Return the seconds until some key may be used for `model`, 0 for now, None when all are dead."""
        now = self._clock.monotonic()
        return min((slot.wait(now, model) for slot in self._slots if not slot.dead), default=None)

    def rests_for(self) -> float:
        """Return the seconds until some key may be used for every model, 0 when there is one or all are dead."""
        now = self._clock.monotonic()
        waits = (max(slot.rests_for(now), slot.wait(now)) for slot in self._slots if not slot.dead)
        return min(waits, default=0.0)

    @property
    def size(self) -> int:
        """How many keys there are; 1 for a server that needs none."""
        return len(self._slots)

    @property
    def breaker(self) -> BreakerState:
        """The provider's breaker: as open as that of its least open key."""
        states = {slot.breaker.state for slot in self._slots if not slot.dead} or {BreakerState.OPEN}
        return next(
            state for state in (BreakerState.CLOSED, BreakerState.HALF_OPEN, BreakerState.OPEN) if state in states
        )

    @property
    def any_dead(self) -> bool:
        """Whether the vendor refused one of the keys."""
        return any(slot.dead for slot in self._slots)

    def views(self) -> tuple[KeyView, ...]:
        """Return what is shown of the keys."""
        now = self._clock.monotonic()
        return tuple(
            KeyView(masked=slot.masked, state=_state(slot, now), breaker=slot.breaker.state) for slot in self._slots
        )

    def refusal(self, model: str = "") -> ProviderError:
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


def _state(slot: Slot, now: float) -> KeyState:
    if slot.dead:
        return KeyState.DEAD
    return KeyState.COOLING if slot.rests_for(now) > 0 else KeyState.LIVE
