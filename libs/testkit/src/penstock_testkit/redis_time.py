"""What tests do to a Redis; time passes for what it holds as every key's life gets shorter, and nobody waits."""

from typing import Any

from penstock_testkit.waiting import HANG_SECONDS


def redis_client(url: str) -> Any:
    """Return a ``redis.asyncio.Redis`` of one connection, for what a test does to the server itself."""
    from redis.asyncio import Redis

    library: Any = Redis
    return library.from_url(url, single_connection_client=True, socket_timeout=HANG_SECONDS)


async def let_redis_pass(client: Any, seconds: float) -> None:
    """Shorten the life of every key by `seconds`; one that has none stays. `client` is a ``redis.asyncio.Redis``."""
    passed = round(seconds * 1000)
    async for key in client.scan_iter(count=1000):
        left = await client.pttl(key)
        if left > passed:
            await client.pexpire(key, left - passed)
        elif left >= 0:
            await client.delete(key)
