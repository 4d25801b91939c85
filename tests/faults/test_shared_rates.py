"""The rates of a key over two replicas of llm-service, with cache-service there, and away."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from penstock.llm.v1 import cost_pb2

from cache_service.main import serve
from cache_service.settings import CacheSettings
from penstock_kit.database import sqlite_url
from penstock_kit.errors import ResourceExhausted
from penstock_kit.grpc import open_channel
from penstock_testkit.servers.process import free_port
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import FakeUsage, Reply
from penstock_testkit.waiting import HANG_SECONDS
from tests.faults.llm_in_process import ADMIN, ALICE, Llm, as_caller, running


@asynccontextmanager
async def cache() -> AsyncGenerator[str]:
    """Run cache-service and yield its address."""
    port = free_port()
    settings = CacheSettings(_env_file=None, CACHE_SERVICE_PORT=port, CACHE_SERVICE_METRICS_PORT=0)  # type: ignore[call-arg]
    stop = asyncio.Event()
    task = asyncio.create_task(serve(settings, stop))
    try:
        async with open_channel(f"127.0.0.1:{port}", service="cache-service") as channel:
            await asyncio.wait_for(channel.channel_ready(), HANG_SECONDS)
        yield f"127.0.0.1:{port}"
    finally:
        stop.set()
        await asyncio.wait_for(task, HANG_SECONDS)


@asynccontextmanager
async def two_replicas(home: Path, address: str, **policy: int) -> AsyncGenerator[tuple[Llm, Llm]]:
    """Run two replicas on one database, and limit Alice's key."""
    homes = [home / "one", home / "other"]
    for each in homes:
        each.mkdir()
    settings = {"DATABASE_URL": sqlite_url(home / "shared.db"), "CACHE_SERVICE_ADDRESS": address}
    reply = Reply(usage=FakeUsage(prompt=10, completion=20))
    async with OpenAiServer(default=reply) as vendor:
        config = f'providers: [{{name: v, base_url: "{vendor.base_url}", models: [m]}}]'
        async with running(homes[0], config, **settings) as one:
            with as_caller(ADMIN):
                limits = cost_pb2.KeyPolicy(key_id=ALICE.key_id, **policy)
                await one.costs.PutKeyPolicy(cost_pb2.PutKeyPolicyRequest(policy=limits))
            async with running(homes[1], config, **settings) as other:
                yield one, other


async def answered(llm: Llm) -> bool:
    """Ask as Alice; return False when her key has to wait."""
    try:
        with as_caller(ALICE):
            await llm.complete("v/m")
        return True
    except ResourceExhausted as error:
        assert error.reason == "KEY_RATE_LIMIT_EXCEEDED"
        assert error.retry_after is not None
        assert 0 < error.retry_after <= 60
        return False


def came_back(per_minute: int, *, since: float) -> int:
    """Return how many requests a rate may have let through again since then, one more than whole ones."""
    return 1 + int((time.monotonic() - since) * per_minute / 60)


async def count_answers(llm: Llm) -> int:
    """Ask as Alice until her key has to wait; return how many answers she got."""
    count = 0
    while await answered(llm):
        count += 1
    return count


async def test_two_replicas_let_no_more_requests_through_than_one(tmp_path: Path) -> None:
    async with cache() as address, two_replicas(tmp_path, address, requests_per_minute=5) as replicas:
        began = time.monotonic()
        answers = [await answered(replicas[at % 2]) for at in range(10)]
        assert 5 <= sum(answers) <= 5 + came_back(5, since=began)
        assert answers[:5] == [True] * 5


async def test_tokens_used_at_one_replica_are_missing_at_the_other(tmp_path: Path) -> None:
    async with cache() as address, two_replicas(tmp_path, address, tokens_per_minute=100) as (one, other):
        # Each answer is 30 tokens, which is known when it is over, and at the other replica a moment later.
        async with asyncio.timeout(HANG_SECONDS):
            assert await count_answers(one) >= 3
            assert await count_answers(other) <= 1


async def test_without_a_cache_each_replica_counts_for_itself(tmp_path: Path) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    async with two_replicas(tmp_path, nowhere, requests_per_minute=2) as replicas:
        began = time.monotonic()
        answers = [await answered(replicas[at % 2]) for at in range(8)]
        assert answers[:4] == [True] * 4
        assert sum(answers) <= 4 + 2 * came_back(2, since=began)


async def test_parallel_requests_at_both_replicas_share_the_rate(tmp_path: Path) -> None:
    async with cache() as address, two_replicas(tmp_path, address, requests_per_minute=10) as replicas:
        began = time.monotonic()
        answers = await asyncio.gather(*(answered(replicas[at % 2]) for at in range(40)))
        assert 10 <= sum(answers) <= 10 + came_back(10, since=began)
