"""Single flight across processes: who fills a missing key, and who waits for it."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseGrant:
    """The right to fill a key, until `expire_at` (seconds of the clock's monotonic())."""

    token: str
    grant_time: float
    expire_at: float


class LeaseStore(Protocol):
    """At most one live lease per key."""

    async def grant(self, key: str, seconds: float) -> LeaseGrant | None:
        """Return a new lease, or None while another's lives."""
        ...

    async def remaining(self, key: str) -> float:
        """Return the seconds the live lease of `key` has left, 0 without one."""
        ...

    async def end(self, key: str, token: str) -> LeaseGrant | None:
        """End the lease `token`, and return it; None when it is not the live one (any more)."""
        ...

    async def revoke(self, key: str) -> None:
        """End whatever lease `key` has."""
        ...
