"""One call's part of the rates of its key: taken before it is made, corrected when it is over."""

from collections.abc import Callable
from typing import Self

from llm_service.domain.billing.key_policy import KeyPolicy
from llm_service.domain.billing.ledger import LedgerRow
from llm_service.domain.billing.rate_limiter import Rate, RateLimiter
from penstock_kit.context import Caller
from penstock_kit.errors import ResourceExhausted


class Admission:
    """Takes one request and its tokens from the rates of a key; a key without a policy has none.

    As a context it gives everything back when what follows raises: a call that was not made does not count.
    """

    def __init__(self, rate_limiter: RateLimiter, caller: Caller, policy: KeyPolicy | None) -> None:
        self._rate_limiter = rate_limiter
        self._caller = caller
        self._limit_of_kind = (
            {"requests": policy.requests_per_minute, "tokens": policy.tokens_per_minute} if policy is not None else {}
        )
        self._taken: list[tuple[Rate, int]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._give_back()

    async def take(self, tokens: int) -> None:
        """Take one request and `tokens`. Raises ResourceExhausted (KEY_RATE_LIMIT_EXCEEDED) and takes nothing."""
        for kind, amount in (("requests", 1), ("tokens", tokens)):
            limit = self._limit_of_kind.get(kind, 0)
            if not limit or not amount:
                continue
            rate = Rate(tenant_id=self._caller.tenant_id, key_id=self._caller.key_id, kind=kind, limit=limit)
            wait = await self._rate_limiter.take(rate, amount)
            if wait > 0:
                self._give_back()
                raise _limited(rate, wait)
            self._taken.append((rate, amount))

    def with_correction(self, settle: Callable[[LedgerRow], None]) -> Callable[[LedgerRow], None]:
        """Return `settle`, which then also tells the key's rate of tokens how many they really were."""
        counted = next(((rate, amount) for rate, amount in self._taken if rate.kind == "tokens"), None)
        if counted is None:
            return settle
        rate, guess = counted

        def corrected(row: LedgerRow) -> None:
            self._rate_limiter.correct(rate, row.usage.prompt + row.usage.completion - guess)
            settle(row)

        return corrected

    def _give_back(self) -> None:
        for rate, amount in self._taken:
            self._rate_limiter.correct(rate, -amount)


def _limited(rate: Rate, wait: float) -> ResourceExhausted:
    message = f"this key may use {rate.limit} {rate.kind} a minute; come again in {wait:.1f} s"
    metadata = {"limit": str(rate.limit), "unit": rate.kind}
    return ResourceExhausted(message, reason="KEY_RATE_LIMIT_EXCEEDED", retry_after=wait, metadata=metadata)
