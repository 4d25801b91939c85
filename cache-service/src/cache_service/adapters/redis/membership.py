"""Which replicas share a Redis: each shows a sign of life every second, and counts the others'."""

import asyncio
from typing import Final

from cache_service.adapters.redis.key import NAMESPACE
from cache_service.adapters.redis.signals import CHANNEL
from penstock_kit.logging import get_logger
from penstock_kit.redis.link import RedisLink, RedisUnavailable
from penstock_kit.redis.script import Script

_REPLICAS: Final = f"{NAMESPACE}replicas"
# Both together find out within a second that Redis is gone or back, whoever asks for something or not.
BEAT_SECONDS: Final = 0.4
_LIFE_MS: Final = 5_000

# KEYS replicas  ARGV replica life_ms channel
# Shows a sign of life, by a write: a server that takes none is not well. → how many live
_BEAT: Final = Script("""
local time = redis.call('TIME')
local now = math.floor(time[1] * 1000 + time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], now + 1, '+inf')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PUBLISH', ARGV[3], '')
return redis.call('ZCARD', KEYS[1])
""")

log = get_logger(__name__)


class Membership:
    """Counts replicas. While Redis is away the last count stands: each then takes its share of a limit."""

    def __init__(self, link: RedisLink, *, replica: str) -> None:
        self._link = link
        self._replica = replica
        self.count = 1

    async def run(self) -> None:
        """Show signs of life until cancelled; this is also what finds out that Redis is away or back."""
        while True:
            try:
                await self.beat()
            except Exception:
                log.exception("a sign of life failed")
            await asyncio.sleep(BEAT_SECONDS)

    async def beat(self) -> None:
        """Show one sign of life."""
        try:
            (count,) = await self._link.probe([("EVAL", _BEAT.text, 1, _REPLICAS, self._replica, _LIFE_MS, CHANNEL)])
        except RedisUnavailable:
            return
        if isinstance(count, int):
            self.count = max(1, count)

    async def leave(self) -> None:
        """Count no more: the others' shares grow at once."""
        try:
            await self._link.run([("ZREM", _REPLICAS, self._replica)])
        except RedisUnavailable:
            return
