"""Lets time pass for what a Redis holds: every key's life gets shorter, and nobody waits."""

from typing import Any


async def let_redis_pass(client: Any, seconds: float) -> None:
    """Shorten the life of every key by `seconds`; one that has none stays. `client` is a ``redis.asyncio.Redis``."""
    passed = round(seconds * 1000)
    async for key in client.scan_iter(count=1000):
        left = await client.pttl(key)
        if left > passed:
            await client.pexpire(key, left - passed)
        elif left >= 0:
            await client.delete(key)
