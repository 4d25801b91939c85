"""Leases, locks and sessions without Redis: a lease is this replica's own, a lock is refused, a session is readable."""

from cache_service.domain.lease import LeaseStore
from cache_service.domain.lock import LockGrant, LockHeld, LockStore
from cache_service.domain.session import Session, SessionStore
from penstock_kit.errors import Unavailable
from penstock_kit.redis.link import RedisUnavailable

_RETRY_SECONDS = 1.0


class DegradingLeases:
    """A LeaseStore. While Redis is away each replica lets one caller fill a key."""

    def __init__(self, *, redis: LeaseStore, memory: LeaseStore) -> None:
        self._redis = redis
        self._memory = memory

    async def grant(self, key: str, seconds: float) -> str | None:
        """Return the token of a new lease, or None while another's lives."""
        try:
            return await self._redis.grant(key, seconds)
        except RedisUnavailable:
            return await self._memory.grant(key, seconds)

    async def remaining(self, key: str) -> float:
        """Return the seconds the live lease of `key` has left, 0 without one."""
        try:
            return await self._redis.remaining(key)
        except RedisUnavailable:
            return await self._memory.remaining(key)

    async def lasted(self, key: str, token: str) -> float | None:
        """Return the seconds the lease `token` has lasted, wherever it was granted."""
        lasted = await self._memory.lasted(key, token)
        if lasted is not None:
            return lasted
        try:
            return await self._redis.lasted(key, token)
        except RedisUnavailable:
            return None

    async def end(self, key: str, token: str) -> float | None:
        """End the lease `token`, wherever it was granted."""
        lasted = await self._memory.end(key, token)
        if lasted is not None:
            return lasted
        try:
            return await self._redis.end(key, token)
        except RedisUnavailable:
            return None

    async def revoke(self, key: str) -> None:
        """End whatever lease `key` has."""
        await self._memory.revoke(key)
        try:
            await self._redis.revoke(key)
        except RedisUnavailable:
            return


class RefusingLocks:
    """A LockStore. While Redis is away every method raises Unavailable: a lock that only this replica knows protects
    nothing."""

    def __init__(self, redis: LockStore) -> None:
        self._redis = redis

    async def acquire(self, name: str, ttl: float) -> LockGrant | LockHeld:
        """Take the lock for `ttl` seconds, or say how long it is held."""
        try:
            return await self._redis.acquire(name, ttl)
        except RedisUnavailable as error:
            raise _locks_away() from error

    async def renew(self, name: str, token: str, ttl: float) -> bool:
        """Let the holder's time be `ttl` seconds from now; False when it is no longer the holder."""
        try:
            return await self._redis.renew(name, token, ttl)
        except RedisUnavailable as error:
            raise _locks_away() from error

    async def release(self, name: str, token: str) -> bool:
        """Give the lock back; False when `token` is no longer the holder's."""
        try:
            return await self._redis.release(name, token)
        except RedisUnavailable as error:
            raise _locks_away() from error


class ReadableSessions:
    """A SessionStore. While Redis is away, what passed through this replica is readable and nothing is changed."""

    def __init__(self, *, redis: SessionStore, memory: SessionStore) -> None:
        self._redis = redis
        self._memory = memory

    async def put(self, key: str, session: Session, ttl: float) -> None:
        """Create or replace, for `ttl` seconds."""
        try:
            await self._redis.put(key, session, ttl)
        except RedisUnavailable as error:
            raise _sessions_away() from error
        await self._memory.put(key, session, ttl)

    async def get(self, key: str) -> Session | None:
        """Return the live session."""
        try:
            return await self._redis.get(key)
        except RedisUnavailable:
            return await self._memory.get(key)

    async def delete(self, key: str) -> bool:
        """End it; False when there was none."""
        await self._memory.delete(key)
        try:
            return await self._redis.delete(key)
        except RedisUnavailable as error:
            raise _sessions_away() from error


def _locks_away() -> Unavailable:
    message = "Redis is away, and a lock of this replica alone would protect nothing; try again"
    return Unavailable(message, reason="LOCKS_UNAVAILABLE", retry_after=_RETRY_SECONDS)


def _sessions_away() -> Unavailable:
    message = "Redis is away: sessions can be read and not changed; try again"
    return Unavailable(message, reason="SESSIONS_UNAVAILABLE", retry_after=_RETRY_SECONDS)
