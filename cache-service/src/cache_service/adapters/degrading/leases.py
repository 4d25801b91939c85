"""Leases, locks and sessions without Redis: a lease is this replica's own, a lock is refused, a session is readable."""

import asyncio
from typing import Final

from cache_service.domain.lease import LeaseStore
from cache_service.domain.lock import LockGrant, LockHeld, LockStore
from cache_service.domain.session import Session, SessionStore
from penstock_kit.errors import Unavailable
from penstock_kit.redis.link import RedisUnavailable

_RETRY_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.2
# Sessions that are ended as soon as Redis is back; beyond that their callers have to try again.
_MOST_ENDING: Final = 10_000


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

    async def age(self, key: str, token: str) -> float | None:
        """Return the seconds the lease `token` has lasted, wherever it was granted."""
        lasted = await self._memory.age(key, token)
        if lasted is not None:
            return lasted
        try:
            return await self._redis.age(key, token)
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
    """A SessionStore. While Redis is away, what passed through this replica is readable and nothing is changed.

    Ending one is refused to its caller then, who can't read it here from then on, and is done in Redis as soon as that
    is back.
    """

    def __init__(self, *, redis: SessionStore, memory: SessionStore) -> None:
        self._redis = redis
        self._memory = memory
        self._ending: dict[str, None] = {}
        self._task: asyncio.Task[None] | None = None

    async def put(self, key: str, session: Session, ttl: float) -> bool:
        """Create or replace, for `ttl` seconds; False when it was ended before."""
        if key in self._ending:
            return False
        try:
            written = await self._redis.put(key, session, ttl)
        except RedisUnavailable as error:
            raise _sessions_away() from error
        return written and await self._memory.put(key, session, ttl)

    async def extend(self, key: str, ttl: float) -> Session | None:
        """Let the live session live `ttl` seconds from now and return it."""
        if key in self._ending:
            return None
        try:
            extended = await self._redis.extend(key, ttl)
        except RedisUnavailable as error:
            raise _sessions_away() from error
        await self._memory.extend(key, ttl)
        return extended

    async def get(self, key: str) -> Session | None:
        """Return the live session."""
        if key in self._ending:
            return None
        try:
            return await self._redis.get(key)
        except RedisUnavailable:
            return await self._memory.get(key)

    async def delete(self, key: str) -> bool:
        """End it for good; False when there was none."""
        await self._memory.delete(key)
        if len(self._ending) < _MOST_ENDING:
            self._ending[key] = None
        try:
            deleted = await self._redis.delete(key)
        except RedisUnavailable as error:
            self._end_later()
            raise _sessions_away() from error
        except asyncio.CancelledError:
            self._end_later()
            raise
        self._ending.pop(key, None)
        return deleted

    async def close(self) -> None:
        """Stop ending what is left."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _end_later(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._end_all())

    async def _end_all(self) -> None:
        while self._ending:
            key = next(iter(self._ending))
            try:
                await self._redis.delete(key)
            except RedisUnavailable:
                await asyncio.sleep(_LOOK_SECONDS)
            else:
                self._ending.pop(key, None)


def _locks_away() -> Unavailable:
    message = "Redis is away, and a lock of this replica alone would protect nothing; try again"
    return Unavailable(message, reason="LOCKS_UNAVAILABLE", retry_after=_RETRY_SECONDS)


def _sessions_away() -> Unavailable:
    message = "Redis is away: sessions can be read and not changed; try again"
    return Unavailable(message, reason="SESSIONS_UNAVAILABLE", retry_after=_RETRY_SECONDS)
