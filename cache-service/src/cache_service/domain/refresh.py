"""Early refresh without a stampede: a value near its end is renewed by one caller while the others still use it.

After Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede Prevention" (VLDB 2015), known as
XFetch: a read refreshes when ``now - load_seconds * beta * ln(u) >= expire_at`` for u uniform in (0, 1].
"""

import math
from collections.abc import Callable
from typing import Final, Protocol

from cache_service.domain.entry import Entry
from penstock_kit.clock import Clock

_BETA: Final = 1.0
# Beyond ten load times before the end the formula says yes once in 22,000 reads: not worth a logarithm per hit.
_HORIZON: Final = 10.0
_CLAIM_LOADS: Final = 2.0
_MIN_CLAIM_SECONDS: Final = 1.0
_MAX_CLAIMS: Final = 10_000


class RefreshClaims(Protocol):
    """Who renews which value, over all replicas."""

    async def claim(self, key: str, seconds: float) -> bool:
        """Whether the caller may renew `key`; nobody else may for `seconds`, or until it is done."""
        ...

    async def done(self, key: str) -> None:
        """Let `key` be claimed again: it was renewed."""
        ...


class RefreshAdvisor:
    """Says to at most one reader at a time that a live value should be renewed now."""

    def __init__(self, *, clock: Clock, random: Callable[[], float], claims: RefreshClaims | None = None) -> None:
        self._monotonic = clock.monotonic
        self._random = random
        self._shared = claims
        self._claims: dict[str, float] = {}

    async def should_refresh(self, entry: Entry) -> bool:
        """Whether the reader of `entry` should renew it. Whoever is told so has a while before the next is."""
        now = self._monotonic()
        if now < entry.expire_at - _HORIZON * entry.load_seconds or entry.load_seconds <= 0:
            return False
        if now - entry.load_seconds * _BETA * math.log(1.0 - self._random()) < entry.expire_at:
            return False
        seconds = max(_MIN_CLAIM_SECONDS, _CLAIM_LOADS * entry.load_seconds)
        if not self._claim(entry.key, now, seconds):
            return False
        return self._shared is None or await self._shared.claim(entry.key, seconds)

    def _claim(self, key: str, now: float, seconds: float) -> bool:
        if self._claims.get(key, 0.0) > now:
            return False
        if len(self._claims) >= _MAX_CLAIMS:
            self._claims = {key: until for key, until in self._claims.items() if until > now}
        if len(self._claims) >= _MAX_CLAIMS:
            return False
        self._claims[key] = now + seconds
        return True

    async def done(self, key: str) -> None:
        """Forget the claim on `key`: it was written."""
        if self._claims.pop(key, None) is not None and self._shared is not None:
            await self._shared.done(key)
