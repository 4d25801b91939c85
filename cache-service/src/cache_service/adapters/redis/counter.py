"""Counters in Redis."""

from typing import Final

from cache_service.adapters.redis.key import counter_key
from cache_service.adapters.redis.script_runner import ScriptRunner
from cache_service.domain.counter import added
from penstock_kit.redis.script import Script

# KEYS counter  ARGV delta ttl_ms
# → {1, new value} or {0, old value} when the sum leaves 64 bits. Numbers travel as text: Lua's are exact to 2^53 only.
_INCREMENT: Final = Script("""
local old = redis.call('GET', KEYS[1])
if ARGV[1] == '0' then return {1, old or '0'} end
local sum = redis.pcall('INCRBY', KEYS[1], ARGV[1])
if type(sum) == 'table' and sum.err then return {0, old or '0'} end
if not old and ARGV[2] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return {1, redis.call('GET', KEYS[1])}
""")


class RedisCounterStore:
    """A CounterStore that replicas share."""

    def __init__(self, scripts: ScriptRunner) -> None:
        self._scripts = scripts

    async def increment(self, key: str, delta: int, ttl: float) -> int:
        """Add `delta` to a counter, made with `ttl` seconds to live (0 for no end), and return the new value.

        Raises RedisUnavailable; after a timeout it may have been added.
        """
        life = max(1, round(ttl * 1000)) if ttl else 0
        fits, value = await self._scripts.run(_INCREMENT, [counter_key(key)], str(delta), str(life))
        return int(value) if fits else added(int(value), delta)
