"""How long a replica may serve what another has changed: a second, whatever becomes of Redis."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from math import inf
from typing import Any

import pytest

from cache_service.domain.entry import EntryInput
from cache_service.domain.partition import Partition
from penstock_kit.clock import SystemClock
from penstock_kit.redis.cancellation import propagate_cancellation
from penstock_testkit.redis_time import redis_client
from penstock_testkit.waiting import until, until_true

KEYS = 10_000
BATCH = 500
BOUND_SECONDS = 1.0
TENANT = Partition(tenant="t")
NAMES = [f"k:{number}" for number in range(KEYS)]
CLOCK = SystemClock()


class Watched:
    """Which keys were changed, when their change was acknowledged, and who read the old value after the bound."""

    def __init__(self, replicas: Sequence[Any]) -> None:
        self.replicas = replicas
        self.acknowledged: dict[str, float] = {}
        self.stale: list[str] = []
        self.reads = 0

    async def change(self, at: Any, names: Sequence[str], value: bytes) -> None:
        """Write keys at one replica, and note when it said so."""
        for start in range(0, len(names), BATCH):
            batch = names[start : start + BATCH]
            inputs = [EntryInput(key=name, value=value, ttl=600.0) for name in batch]
            await at.services.cache.set_many(TENANT, inputs)
            now = CLOCK.monotonic()
            if value == b"new":
                self.acknowledged |= dict.fromkeys(batch, now)
            await self.read_everywhere(batch)

    async def read_everywhere(self, names: Sequence[str]) -> None:
        """Read keys at every replica, and note what is older than it may be."""
        for start in range(0, len(names), BATCH):
            batch, begun = names[start : start + BATCH], CLOCK.monotonic()
            for at in self.replicas:
                values = await asyncio.gather(*(at.value(name) for name in batch))
                self.reads += len(values)
                late = {name for name in batch if begun > self.acknowledged.get(name, inf) + BOUND_SECONDS}
                pairs = zip(batch, values, strict=True)
                self.stale += [name for name, value in pairs if value == b"old" and name in late]

    async def wait_out_the_bound(self) -> None:
        """Wait until every change is older than the bound."""
        end = max(self.acknowledged.values()) + BOUND_SECONDS
        await until(lambda: CLOCK.monotonic() > end)


@pytest.mark.parametrize(("protocol", "listening"), [(2, "heard"), (3, "heard"), (2, "cut off")])
@pytest.mark.alone
async def test_none_of_10000_keys_is_old_a_second_after_its_change(
    redis: Any, replica: Any, in_use: Any, protocol: int, listening: str
) -> None:
    url = f"{redis.url}?protocol={protocol}"
    async with AsyncExitStack() as stack:
        both = [await stack.enter_async_context(replica(url)) for _ in range(2)]
        await in_use(*both)
        watched = Watched(both)
        await watched.change(both[0], NAMES, b"old")
        cutting = asyncio.create_task(cut_subscribers(redis.url)) if listening == "cut off" else None
        await watched.change(both[1], NAMES, b"new")
        await watched.wait_out_the_bound()
        if cutting is not None:
            cutting.cancel()
            await asyncio.gather(cutting, return_exceptions=True)
        await watched.read_everywhere(NAMES)
        assert all([await at.value(NAMES[0]) == b"new" for at in both])
    assert watched.stale == []
    assert watched.reads == 3 * 2 * KEYS


async def cut_subscribers(url: str) -> None:
    """End the connections on which replicas listen, again and again."""
    client: Any = redis_client(url)
    try:
        while True:
            with propagate_cancellation():
                await client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            await asyncio.sleep(0.02)
    finally:
        await client.aclose()


async def test_none_of_10000_keys_is_old_when_redis_comes_back_with_what_it_had_on_its_disk(
    redis: Any, replica: Any, in_use: Any
) -> None:
    client: Any = redis_client(redis.url)
    async with AsyncExitStack() as stack:
        both = [await stack.enter_async_context(replica(redis.url)) for _ in range(2)]
        await in_use(*both)
        watched = Watched(both)
        await watched.change(both[0], NAMES, b"old")
        await client.execute_command("SAVE")
        await client.aclose()
        await watched.change(both[1], NAMES[: KEYS // 2], b"new")  # the snapshot does not have these
        redis.restart_from_disk()
        await watched.change(both[0], NAMES[KEYS // 2 :], b"new")  # nor these, which it was told of while it came back
        await watched.wait_out_the_bound()
        await in_use(*both)
        await watched.read_everywhere(NAMES)
        await until_true(lambda: is_used(both))
    assert watched.stale == []


async def is_used(both: Sequence[Any]) -> bool:
    """Whether what one replica writes is read at the other."""
    await both[0].put("after", b"1")
    return await both[1].value("after") == b"1"
