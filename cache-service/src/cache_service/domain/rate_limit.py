"""Rate limits by GCRA, the generic cell rate algorithm: one number per key, exact, no window edges.

`limit` may be taken at once, after that it comes back evenly, `limit` per `window`. The state is the
theoretical arrival time (TAT): the moment at which the key is as if untouched. All in integer
nanoseconds, so that sums are exact.
"""

from dataclasses import dataclass
from typing import Final, Protocol

from cache_service.domain.limit import MAX_LIFE_SECONDS, require_within_calendar
from penstock_kit.errors import InvalidArgument

NANOSECONDS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """`limit` in `window` seconds."""

    limit: int
    window: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether it was allowed, how many remain at once, and in seconds: until this cost fits, until all is back."""

    allowed: bool
    remaining: int
    retry_after: float
    reset_after: float


class RateLimitStore(Protocol):
    """Rate limits by full key, atomically."""

    async def take(self, key: str, cost: int, rate: Rate, *, correction: int = 0) -> Verdict:
        """Take `cost` (0 only looks) of `rate` if it fits, and `correction` (negative gives back) before it always."""
        ...


def take(*, tat: int, now: int, cost: int, rate: Rate, correction: int = 0) -> tuple[Verdict, int]:
    """Return the verdict on `cost` and the new TAT; times in nanoseconds. Raises InvalidArgument for a bad request.

    `correction` is taken first, whether it fits or not.
    """
    window = int(rate.window * NANOSECONDS)
    check(cost, rate, window, correction)
    tat = max(max(tat, now) + correction * window // rate.limit, now)
    wanted = tat + cost * window // rate.limit
    wait = wanted - now - window
    allowed = wait <= 0
    if allowed:
        tat = wanted
    verdict = verdict_of(
        allowed=allowed, ahead=tat - now, wait=wait, window=window, limit=rate.limit, second=NANOSECONDS
    )
    return verdict, tat


def verdict_of(*, allowed: bool, ahead: int, wait: int, window: int, limit: int, second: int) -> Verdict:
    """Return the verdict of a store whose clock counts `second` units a second.

    `ahead` is how far the arrival lies after now, `wait` how long the cost has to wait (not above 0: there is room).
    """
    return Verdict(
        allowed=allowed,
        remaining=max(0, (window - ahead) * limit // window),
        retry_after=0.0 if allowed else max(0, wait) / second,
        reset_after=ahead / second,
    )


def check(cost: int, rate: Rate, window: int, correction: int = 0) -> None:
    """Raise InvalidArgument for what no store can decide; `window` is the rate's, in the store's own unit."""
    if rate.limit <= 0 or window <= 0:
        message = f"the rate has a limit of {rate.limit} in a window of {rate.window:g} s; both must be above 0"
        raise InvalidArgument(message, reason="RATE_INVALID")
    require_within_calendar(rate.window, "window")
    if abs(correction) * rate.window / rate.limit > MAX_LIFE_SECONDS:
        message = f"the correction is {correction}; it would take over a hundred years until that is back"
        raise InvalidArgument(message, reason="COST_INVALID")
    if cost < 0:
        raise InvalidArgument(f"the cost is {cost}; it must be 0 or more", reason="COST_INVALID")
    if cost > rate.limit:
        message = f"the cost of {cost} is over the limit of {rate.limit}: it could never be taken"
        raise InvalidArgument(message, reason="COST_LIMIT_EXCEEDED")
