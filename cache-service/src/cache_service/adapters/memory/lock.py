"""Locks and leases in the memory of this process."""

from collections.abc import Callable
from typing import NamedTuple

from cache_service.adapters.memory.expiring_map import ExpiringMap
from cache_service.domain.lock import LockGrant, LockHeld
from penstock_kit.clock import Clock
from penstock_kit.errors import ResourceExhausted

# Locks are never evicted: the bound refuses new ones.
_UNBOUNDED = 2**62


class MemoryLockStore:
    """A LockStore of at most `max_locks` locks held at once.

    Fencing tokens start at the milliseconds of the epoch times a million, so that they also grow from one
    process to the next.
    """

    def __init__(self, *, clock: Clock, new_token: Callable[[], str], max_locks: int) -> None:
        self._monotonic = clock.monotonic
        self._new_token = new_token
        self._max = max_locks
        self._fencing = int(clock.now().timestamp() * 1000) * 1_000_000
        self._locks: ExpiringMap[LockGrant] = ExpiringMap(max_entries=_UNBOUNDED, monotonic=clock.monotonic)

    async def acquire(self, name: str, ttl: float) -> LockGrant | LockHeld:
        """Take the lock, or say how long it is held. Raises ResourceExhausted when too many are held."""
        if self._locks.get(name) is not None:
            return LockHeld(remaining=self._locks.expire_at(name) - self._monotonic())
        self._locks.sweep(self._max)
        if len(self._locks) >= self._max:
            message = f"{self._max} locks are held, no more fit; give some back or raise CACHE_MAX_LOCKS"
            raise ResourceExhausted(message, reason="LOCKS_LIMIT_EXCEEDED", retry_after=1.0)
        self._fencing += 1
        grant = LockGrant(token=self._new_token(), fencing_token=self._fencing)
        self._locks.put(name, grant, self._monotonic() + ttl)
        return grant

    async def renew(self, name: str, token: str, ttl: float) -> bool:
        """Let the holder's time be `ttl` seconds from now; False when it is no longer the holder."""
        grant = self._locks.get(name)
        if grant is None or grant.token != token:
            return False
        self._locks.put(name, grant, self._monotonic() + ttl)
        return True

    async def release(self, name: str, token: str) -> bool:
        """Give the lock back; False when `token` is no longer the holder's."""
        grant = self._locks.get(name)
        return grant is not None and grant.token == token and self._locks.pop(name) is not None


class _Lease(NamedTuple):
    token: str
    grant_time: float


class MemoryLeaseStore:
    """A LeaseStore. Beyond `max_leases` the oldest is forgotten: two may then fill one key, nobody waits in vain."""

    def __init__(self, *, clock: Clock, new_token: Callable[[], str], max_leases: int) -> None:
        self._monotonic = clock.monotonic
        self._new_token = new_token
        self._leases: ExpiringMap[_Lease] = ExpiringMap(max_entries=max_leases, monotonic=clock.monotonic)

    async def grant(self, key: str, seconds: float) -> str | None:
        """Return the token of a new lease, or None while another's lives."""
        if self._leases.get(key) is not None:
            return None
        lease = _Lease(self._new_token(), self._monotonic())
        self._leases.put(key, lease, lease.grant_time + seconds)
        return lease.token

    async def remaining(self, key: str) -> float:
        """Return the seconds the live lease of `key` has left, 0 without one."""
        return 0.0 if self._leases.get(key) is None else self._leases.expire_at(key) - self._monotonic()

    async def age(self, key: str, token: str) -> float | None:
        """Return the seconds the lease `token` has lasted; None when it is not the live one."""
        lease = self._leases.get(key)
        return None if lease is None or lease.token != token else self._monotonic() - lease.grant_time

    async def end(self, key: str, token: str) -> float | None:
        """End the lease `token` and return the seconds it lasted; None when it is not the live one."""
        lasted = await self.age(key, token)
        if lasted is not None:
            self._leases.pop(key)
        return lasted

    async def revoke(self, key: str) -> None:
        """End whatever lease `key` has."""
        self._leases.pop(key)
