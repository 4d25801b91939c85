"""Single flight across processes: who fills a missing key, and who waits for it."""

from typing import Protocol


class LeaseStore(Protocol):
    """At most one live lease per key; the contract suite is ``penstock_testkit.contracts.lease_store``."""

    async def grant(self, key: str, seconds: float) -> str | None:
        """Return the token of a new lease of `seconds`, or None while another's lives."""
        ...

    async def remaining(self, key: str) -> float:
        """Return the seconds the live lease of `key` has left, 0 without one."""
        ...

    async def age(self, key: str, token: str) -> float | None:
        """Return the seconds the lease `token` has lasted; None when it is not the live one (any more)."""
        ...

    async def end(self, key: str, token: str) -> float | None:
        """End the lease `token` and return the seconds it lasted; None when it is not the live one (any more)."""
        ...

    async def revoke(self, key: str) -> None:
        """End whatever lease `key` has."""
        ...
