"""Locks in Redis. While Redis is away there are none: a lock that only this replica knows protects nothing."""

import asyncio
from collections.abc import Callable
from typing import Final

from cache_service.adapters.redis.key import FENCE, lock_key
from cache_service.adapters.redis.script_runner import ScriptRunner
from cache_service.domain.lock import LockGrant, LockHeld
from penstock_kit.redis.link import RedisUnavailable
from penstock_kit.redis.script import Script

_LOOK_SECONDS: Final = 0.2
# Locks that are given back at once; the rest end by themselves.
_MOST_GIVING_BACK: Final = 1_000

# KEYS lock fence  ARGV token ttl_ms
# The fence never falls below the server's clock in microseconds, so that tokens grow over a flush and a restart too.
# → {1, fencing token as text} or {0, milliseconds it is held}
_ACQUIRE: Final = Script("""
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  local left = redis.call('PTTL', KEYS[1])
  return {0, left > 0 and left or 1}
end
local time = redis.call('TIME')
local clock = time[1] * 1000000 + time[2]
local fence = math.max(tonumber(redis.call('GET', KEYS[2]) or '0') + 1, clock)
local text = string.format('%.0f', fence)
redis.call('SET', KEYS[2], text)
return {1, text}
""")

# KEYS lock  ARGV token ttl_ms  → 1 when it is still the holder's
_RENEW: Final = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
""")

# KEYS lock  ARGV token  → 1 when it was the holder's
_RELEASE: Final = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
""")


class RedisLockStore:
    """A LockStore that replicas share. Every method raises RedisUnavailable when Redis is away."""

    def __init__(self, scripts: ScriptRunner, *, new_token: Callable[[], str]) -> None:
        self._scripts = scripts
        self._new_token = new_token
        self._giving_back: set[asyncio.Task[None]] = set()

    async def acquire(self, name: str, ttl: float) -> LockGrant | LockHeld:
        """Take the lock for `ttl` seconds, or say how long it is held.

        Whoever got no answer does not know whether the lock is theirs; it is given back as soon as Redis hears of it.
        """
        token = self._new_token()
        try:
            taken, number = await self._scripts.run(_ACQUIRE, [lock_key(name), FENCE], token, _milliseconds(ttl))
        except (RedisUnavailable, asyncio.CancelledError):
            self._give_back(name, token, ttl)
            raise
        if taken:
            return LockGrant(token=token, fencing_token=int(number))
        return LockHeld(remaining=int(number) / 1000)

    async def renew(self, name: str, token: str, ttl: float) -> bool:
        """Let the holder's time be `ttl` seconds from now; False when it is no longer the holder."""
        return bool(await self._scripts.run(_RENEW, [lock_key(name)], token, _milliseconds(ttl)))

    async def release(self, name: str, token: str) -> bool:
        """Give the lock back; False when `token` is no longer the holder's."""
        return bool(await self._scripts.run(_RELEASE, [lock_key(name)], token))

    async def close(self) -> None:
        """Give nothing back any more: what is left ends by itself."""
        for task in self._giving_back:
            task.cancel()
        await asyncio.gather(*self._giving_back, return_exceptions=True)

    def _give_back(self, name: str, token: str, ttl: float) -> None:
        if len(self._giving_back) < _MOST_GIVING_BACK:
            task = asyncio.get_running_loop().create_task(self._release_late(name, token, ttl))
            self._giving_back.add(task)
            task.add_done_callback(self._giving_back.discard)

    async def _release_late(self, name: str, token: str, ttl: float) -> None:
        """Release until it is answered, for as long as the lock could live. Commands are carried out in their order."""
        end = asyncio.get_running_loop().time() + ttl + _LOOK_SECONDS
        while asyncio.get_running_loop().time() < end:
            try:
                await self.release(name, token)
            except RedisUnavailable:
                await asyncio.sleep(_LOOK_SECONDS)
            else:
                return


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
