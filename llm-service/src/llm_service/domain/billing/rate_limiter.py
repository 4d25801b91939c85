"""The rates of keys: how many requests and tokens a minute each may use."""

from dataclasses import dataclass
from typing import Protocol

from llm_service.domain.billing.token_bucket import TokenBucket
from penstock_kit.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """`limit` of `kind` (requests, tokens) a minute for one key."""

    tenant_id: str
    key_id: str
    kind: str
    limit: int


class RateLimiter(Protocol):
    """Takes from rates."""

    async def take(self, rate: Rate, amount: int) -> float:
        """Take `amount` and return 0, or return the seconds until it could be taken and take nothing.

        More than a whole minute's worth may be taken when nothing was; the rest is a debt.
        """
        ...

    def correct(self, rate: Rate, amount: int) -> None:
        """Take `amount` more, or give some back when it is negative."""
        ...


class LocalRateLimiter:
    """Rates as this process alone sees them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[tuple[str, str, str], TokenBucket] = {}

    async def take(self, rate: Rate, amount: int) -> float:
        """Take, or return how long to wait."""
        return self._bucket(rate).take(amount)

    def correct(self, rate: Rate, amount: int) -> None:
        """Take more, or give back."""
        self._bucket(rate).correct(amount)

    def _bucket(self, rate: Rate) -> TokenBucket:
        place = (rate.tenant_id, rate.key_id, rate.kind)
        bucket = self._buckets.get(place)
        if bucket is None or bucket.limit != rate.limit:
            bucket = self._buckets[place] = TokenBucket(rate.limit, self._clock)
        return bucket
