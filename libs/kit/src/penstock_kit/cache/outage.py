"""Keeps an absent cache from costing every caller a timeout: one pays, the others go without, one looks again."""

from typing import Final

from penstock_kit.clock import Clock
from penstock_kit.errors import ErrorKind, PenstockError
from penstock_kit.logging import get_logger

# What says that the cache is not there or not well; anything else is the caller's own mistake.
OUTAGE_KINDS: Final = frozenset(
    {ErrorKind.UNAVAILABLE, ErrorKind.DEADLINE_EXCEEDED, ErrorKind.INTERNAL, ErrorKind.CANCELLED}
)

log = get_logger(__name__)


class Outage:
    """Open from the first failure to the first success; in between one call every `retry_seconds` tries."""

    def __init__(self, *, clock: Clock, retry_seconds: float) -> None:
        self._monotonic = clock.monotonic
        self._retry = retry_seconds
        self._since: float | None = None
        self._next_try = 0.0

    @property
    def open(self) -> bool:
        """Whether the cache is thought to be away."""
        return self._since is not None

    def may_call(self) -> bool:
        """Whether to call now. During an outage a yes is given to one caller per `retry_seconds`."""
        if self._since is None:
            return True
        now = self._monotonic()
        if now < self._next_try:
            return False
        self._next_try = now + self._retry
        return True

    def record_failure(self, error: PenstockError) -> None:
        """Note a failed call; the first of an outage is logged."""
        now = self._monotonic()
        if self._since is None:
            self._since = now
            log.warning("cache is away, going on without it", reason=error.reason, detail=error.message)
        self._next_try = now + self._retry

    def record_success(self) -> None:
        """Note an answered call; the end of an outage is logged."""
        if self._since is not None:
            log.info("cache is back", away_seconds=round(self._monotonic() - self._since, 3))
            self._since = None
