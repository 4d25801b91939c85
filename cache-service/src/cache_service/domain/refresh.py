"""Early refresh without a stampede: a value near its end is renewed by one caller while the others still use it.

After Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede Prevention" (VLDB 2015), known as
XFetch: a read refreshes when ``now - load_seconds * beta * ln(u) >= expire_at`` for u uniform in (0, 1].
"""

import math
from collections.abc import Callable
from typing import Final

from cache_service.domain.entry import Entry
from penstock_kit.clock import Clock

_BETA: Final = 1.0
# Beyond ten load times before the end the formula says yes once in 22,000 reads: not worth a logarithm per hit.
_HORIZON: Final = 10.0
_CLAIM_LOADS: Final = 2.0
_MIN_CLAIM_SECONDS: Final = 1.0
_MAX_CLAIMS: Final = 10_000


class RefreshAdvisor:
    """Says to at most one reader at a time that a live value should be renewed now."""

    def __init__(self, *, clock: Clock, random: Callable[[], float]) -> None:
        self._monotonic = clock.monotonic
        self._random = random
        self._claims: dict[str, float] = {}

    def advised(self, entry: Entry) -> bool:
        """Whether the reader of `entry` should renew it. Whoever is told so has a while before the next is."""
        now = self._monotonic()
        if now < entry.expire_at - _HORIZON * entry.load_seconds or entry.load_seconds <= 0:
            return False
        if now - entry.load_seconds * _BETA * math.log(1.0 - self._random()) < entry.expire_at:
            return False
        return self._claim(entry, now)

    def _claim(self, entry: Entry, now: float) -> bool:
        if self._claims.get(entry.key, 0.0) > now:
            return False
        if len(self._claims) >= _MAX_CLAIMS:
            self._claims = {key: until for key, until in self._claims.items() if until > now}
        if len(self._claims) >= _MAX_CLAIMS:
            return False
        self._claims[entry.key] = now + max(_MIN_CLAIM_SECONDS, _CLAIM_LOADS * entry.load_seconds)
        return True

    def done(self, key: str) -> None:
        """Forget the claim on `key`: it was written."""
        self._claims.pop(key, None)
