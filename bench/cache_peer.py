"""What a peer needs for a hit, or how many it gives a second. Run by the peers' Python: `cache_peer.py NAME URL`."""

import asyncio
import json
import sys
import time
from typing import Any

CALLERS, LOOPS = 64, 20_000


async def cashews(url: str) -> float:
    """Seconds of a hit of cashews' client-side cache, the best of ten rounds."""
    from cashews import Cache  # type: ignore[import-not-found]

    cache: Any = Cache()
    cache.setup(url, client_side=True, protocol=2)
    await cache.init()
    await cache.set("copy", "v" * 200, expire=600)
    await cache.get("copy")
    rounds: list[float] = []
    for _ in range(10):
        started = time.perf_counter()
        for _ in range(2_000):
            await cache.get("copy")
        rounds.append((time.perf_counter() - started) / 2_000)
    await cache.close()
    return min(rounds)


async def cashews_decorator(url: str) -> float:
    """Seconds of a hit of a function under cashews' @cache with its client-side cache, the best of ten rounds."""
    from cashews import Cache  # type: ignore[import-not-found]

    cache: Any = Cache()
    cache.setup(url, client_side=True, protocol=2)
    await cache.init()

    @cache(ttl="10m", key="copy:{number}")
    async def load(number: int) -> str:
        return "v" * 200

    await load(1)
    rounds: list[float] = []
    for _ in range(10):
        started = time.perf_counter()
        for _ in range(2_000):
            await load(1)
        rounds.append((time.perf_counter() - started) / 2_000)
    await cache.close()
    return min(rounds)


async def redis_py(url: str) -> float:
    """GETs a second of redis-py with 64 callers."""
    from redis.asyncio import Redis

    client: Any = Redis.from_url(url)
    await client.set("bench", b"v" * 200)

    async def caller() -> None:
        for _ in range(LOOPS // CALLERS):
            await client.get("bench")

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    started = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    taken = time.perf_counter() - started
    await client.aclose()
    return LOOPS / taken


def main() -> None:
    """Print the figure as JSON."""
    name, url = sys.argv[1:]
    measure = {"cashews": cashews, "cashews-decorator": cashews_decorator, "redis-py": redis_py}[name]
    try:
        import uvloop  # type: ignore[import-not-found]

        value = uvloop.run(measure(url))
    except ImportError:
        value = asyncio.run(measure(url))
    print(json.dumps({"value": value}))


if __name__ == "__main__":
    main()
