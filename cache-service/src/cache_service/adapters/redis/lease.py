"""Leases in Redis: of all callers over all replicas one fills a key."""

from collections.abc import Callable
from typing import Final

from cache_service.adapters.redis.key import lease_key
from cache_service.adapters.redis.script_runner import ScriptRunner
from penstock_kit.redis.script import Script

# A lease is ``<token>:<milliseconds it was granted for>``; what it lasted is that less the life it has left.
# KEYS lease  ARGV token ms  → 1 when it is granted
_GRANT: Final = Script("""
return redis.call('SET', KEYS[1], ARGV[1] .. ':' .. ARGV[2], 'NX', 'PX', ARGV[2]) and 1 or 0
""")

# KEYS lease  ARGV token  → milliseconds it lasted, -1 when it is not the live one
_LASTED_TEXT: Final = """
local lease = redis.call('GET', KEYS[1])
if not lease then return -1 end
local token, granted = string.match(lease, '^(.*):(%d+)$')
if token ~= ARGV[1] then return -1 end
local left = redis.call('PTTL', KEYS[1])
"""
_LASTED: Final = Script(_LASTED_TEXT + "return math.max(0, tonumber(granted) - left)")
_END: Final = Script(_LASTED_TEXT + "redis.call('DEL', KEYS[1])\nreturn math.max(0, tonumber(granted) - left)")

# KEYS lease  → milliseconds it has left, 0 without one
_REMAINING: Final = Script("return math.max(0, redis.call('PTTL', KEYS[1]))")
_REVOKE: Final = Script("return redis.call('DEL', KEYS[1])")


class RedisLeaseStore:
    """A LeaseStore that replicas share. Every method raises RedisUnavailable when Redis is away."""

    def __init__(self, scripts: ScriptRunner, *, new_token: Callable[[], str]) -> None:
        self._scripts = scripts
        self._new_token = new_token

    async def grant(self, key: str, seconds: float) -> str | None:
        """Return the token of a new lease of `seconds`, or None while another's lives."""
        token = self._new_token()
        life = max(1, round(seconds * 1000))
        return token if await self._scripts.run(_GRANT, [lease_key(key)], token, life) else None

    async def remaining(self, key: str) -> float:
        """Return the seconds the live lease of `key` has left, 0 without one."""
        return int(await self._scripts.run(_REMAINING, [lease_key(key)])) / 1000

    async def age(self, key: str, token: str) -> float | None:
        """Return the seconds the lease `token` has lasted; None when it is not the live one (any more)."""
        lasted = int(await self._scripts.run(_LASTED, [lease_key(key)], token))
        return None if lasted < 0 else lasted / 1000

    async def end(self, key: str, token: str) -> float | None:
        """End the lease `token` and return the seconds it lasted; None when it is not the live one (any more)."""
        lasted = int(await self._scripts.run(_END, [lease_key(key)], token))
        return None if lasted < 0 else lasted / 1000

    async def revoke(self, key: str) -> None:
        """End whatever lease `key` has."""
        await self._scripts.run(_REVOKE, [lease_key(key)])
