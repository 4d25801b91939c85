"""The shared cache: hits through gRPC, many at once, copies in the caller, a stampede, and the link to Redis.

Beside cashews and redis-py, which scripts/bench-peers installs into an environment of their own below .peers/cache.
"""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from bench.measure import Figure, Report, percentile
from penstock_kit.cache import FREQUENT_CALLS, CacheClient, cached
from penstock_kit.clock import SystemClock
from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.grpc import open_channel
from penstock_kit.redis.link import RedisLink
from penstock_testkit.servers.process import accepts, free_port, free_ports, wait_until
from penstock_testkit.servers.redis import start_local_redis

PEER: Final = Path(__file__).parent.parent / ".peers" / "cache" / "bin" / "python"
SECRET: Final = "a-secret-of-this-benchmark-and-of-nothing-else"
VALUE: Final = b"v" * 200
RATE, SECONDS = 1_000, 5.0
BATCH: Final = 64
CALLERS: Final = 64
LOOPS: Final = 20_000
# Ours and the peer's in turn, the median of each.
ROUNDS: Final = 5


async def run() -> Report:
    """Measure what callers of the shared cache wait for."""
    report = Report(
        title="Shared cache",
        note="Two cache-services, each a process, over one real Redis; values of 200 bytes; peers on the same Redis."
        + _load_of_others(),
    )
    port = free_port()
    redis = start_local_redis(port)
    url = f"redis://127.0.0.1:{port}/0"
    try:
        async with _services(url, 2) as (clients, single_calls):
            with use_context(CallContext(request_id="req_bench", caller=Caller(user_id="bench", tenant_id="bench"))):
                report.figures += await _hits(clients[0])
                report.figures += await _many(clients[0], single_calls)
                report.figures += await _copies(clients[0], url)
                report.figures += await _stampede(clients)
        report.figures += await _link(url)
    finally:
        redis.stop()
    return report


def _load_of_others() -> str:
    """Say that others kept the machine busy, where they did."""
    load, processors = os.getloadavg()[0], os.cpu_count() or 1
    if load <= 2 * processors:
        return ""
    return (
        f" Others kept the machine busy (load {load:.0f} on {processors} processors): the ratios count, not the times."
    )


async def _hits(client: CacheClient) -> Sequence[Figure]:
    await client.set("hit", VALUE)
    taken: list[float] = []

    async def read() -> None:
        started = time.perf_counter()
        found = await client.get("hit")
        assert found is not None
        taken.append((time.perf_counter() - started) * 1000)

    alone: list[float] = []
    for _ in range(2_000):
        started = time.perf_counter()
        await client.get("hit")
        alone.append((time.perf_counter() - started) * 1000)
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(int(RATE * SECONDS)):
            await asyncio.sleep(max(0.0, began + number / RATE - time.perf_counter()))
            group.create_task(read())
    return [
        Figure(name="hit through gRPC, one caller, p50", value=percentile(alone, 0.5), unit="ms", goal="≤ 0.5 ms"),
        Figure(name=f"hit through gRPC at {RATE:,}/s, p50", value=percentile(taken, 0.5), unit="ms", goal="≤ 0.5 ms"),
        Figure(name=f"hit through gRPC at {RATE:,}/s, p99", value=percentile(taken, 0.99), unit="ms", goal="≤ 5 ms"),
    ]


async def _many(client: CacheClient, single_calls: CacheClient) -> Sequence[Figure]:
    keys = [f"many:{number}" for number in range(BATCH)]
    await client.set_many(dict.fromkeys(keys, VALUE))

    async def one_by_one(client: CacheClient = client) -> None:
        await asyncio.gather(*(client.get(key) for key in keys))

    async def at_once() -> None:
        await client.get_many(keys)

    assert len(await client.get_many(keys)) == BATCH
    singles: list[float] = []
    batches: list[float] = []
    unary: list[float] = []
    for _ in range(20):  # in turn, so that both have what the machine gives
        singles.append(await _median(one_by_one, 5))
        batches.append(await _median(at_once, 20))
        unary.append(await _median(lambda: one_by_one(single_calls), 5))
    single, batch = BATCH / percentile(singles, 0.5), BATCH / percentile(batches, 0.5)
    alone = BATCH / percentile(unary, 0.5)
    return [
        Figure(
            name=f"GetMany({BATCH})",
            value=batch,
            unit="keys/s",
            beside=f"{BATCH} single gets at once, a gRPC call each: {alone:,.0f} keys/s",
            ratio=batch / alone,
            goal="≥ 10 ×",
        ),
        Figure(
            name=f"GetMany({BATCH})",
            value=batch,
            unit="keys/s",
            beside=f"{BATCH} single gets at once, gathered as services send them: {single:,.0f} keys/s",
            ratio=batch / single,
        ),
    ]


async def _copies(client: CacheClient, url: str) -> Sequence[Figure]:
    @cached(ttl=600, key_prefix="copy", client=client, local_seconds=1)
    async def load(number: int) -> str:
        return "v" * 200

    await load(1)
    await load(1)
    best = min([await _loop(lambda: load(1), 2_000) for _ in range(10)])
    decorated, bare = _peer("cashews-decorator", url), _peer("cashews", url)
    beside = (
        ""
        if decorated is None or bare is None
        else (
            f"cashews' @cache over its client-side cache: {decorated * 1e6:.1f} µs "
            f"(its get() of a key alone: {bare * 1e6:.1f} µs)"
        )
    )
    return [
        Figure(
            name="hit of a copy in the caller, @cached(local_seconds=1)",
            value=best * 1e6,
            unit="µs",
            beside=beside,
            ratio=None if decorated is None else decorated / best,
            goal="≥ 8 × cheaper",
        )
    ]


async def _stampede(clients: Sequence[CacheClient]) -> Sequence[Figure]:
    p99s: list[float] = []
    loads = 0
    for turn in range(20):

        async def load() -> str:
            nonlocal loads
            loads += 1
            return "v"

        readers = [cached(ttl=60, key_prefix=f"crowd:{turn}", client=client)(load) for client in clients]
        taken: list[float] = []

        async def read(reader: Callable[[], Awaitable[str]], taken: list[float] = taken) -> None:
            started = time.perf_counter()
            await reader()
            taken.append((time.perf_counter() - started) * 1000)

        await asyncio.gather(*(read(readers[number % len(readers)]) for number in range(200)))
        p99s.append(percentile(taken, 0.99))
    return [
        Figure(
            name="200 cold callers over two replicas, p99",
            value=percentile(p99s, 0.5),
            unit="ms",
            beside=f"{loads / 20:g} loads each",
            goal="≤ 5 ms, 1 load",
        )
    ]


async def _link(url: str) -> Sequence[Figure]:
    link = RedisLink(url, clock=SystemClock())
    await link.probe([("SET", "bench", VALUE)])

    async def caller() -> None:
        for _ in range(LOOPS // CALLERS):
            await link.run([("GET", "bench")])

    rates: list[float] = []
    peers: list[float | None] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        rates.append(LOOPS / (time.perf_counter() - began))
        peers.append(_peer("redis-py", url))
    await link.close()
    rate = percentile(rates, 0.5)
    known = [each for each in peers if each is not None]
    peer = percentile(known, 0.5) if known else None
    return [
        Figure(
            name=f"GET over the link to Redis, {CALLERS} callers",
            value=rate,
            unit="/s",
            beside="" if peer is None else f"redis-py: {peer:,.0f}/s",
            ratio=None if peer is None else rate / peer,
            goal="≥ 5 ×",
        )
    ]


async def _median(work: Callable[[], Awaitable[None]], times: int) -> float:
    taken: list[float] = []
    for _ in range(times):
        started = time.perf_counter()
        await work()
        taken.append(time.perf_counter() - started)
    return percentile(taken, 0.5)


async def _loop(work: Callable[[], Awaitable[Any]], times: int) -> float:
    started = time.perf_counter()
    for _ in range(times):
        await work()
    return (time.perf_counter() - started) / times


def _peer(name: str, url: str) -> float | None:
    """Seconds of one hit (cashews) or gets per second (redis-py); None where the peers are not installed."""
    if not PEER.exists():
        return None
    script = Path(__file__).with_name("cache_peer.py")
    done = subprocess.run([str(PEER), str(script), name, url], capture_output=True, text=True, check=True, timeout=120)
    return float(json.loads(done.stdout)["value"])


@contextlib.asynccontextmanager
async def _services(url: str, count: int) -> AsyncGenerator[tuple[list[CacheClient], CacheClient]]:
    """Give clients of `count` cache-services, and one of the first that makes a gRPC call of each of its calls."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ports = [stack.enter_context(_process(folder / f"c{number}", url)) for number in range(count)]
        # As the services call it: see MULTIPLEX_CALLS.
        channels = [
            open_channel(f"127.0.0.1:{port}", service="cache-service", secret=SECRET, multiplexed=FREQUENT_CALLS)
            for port in ports
        ]
        channels.append(open_channel(f"127.0.0.1:{ports[0]}", service="cache-service", secret=SECRET))
        clients = [CacheClient(channel, timeout=5.0) for channel in channels]
        try:
            yield clients[:-1], clients[-1]
        finally:
            for client, channel in zip(clients, channels, strict=True):
                await client.close()
                await channel.close()


@contextlib.contextmanager
def _process(home: Path, url: str) -> Iterator[int]:
    home.mkdir()
    port, metrics_port = free_ports(2)
    environment = {**os.environ} | {
        "PENSTOCK_HOME": str(home),
        "CACHE_SERVICE_PORT": str(port),
        "CACHE_SERVICE_METRICS_PORT": str(metrics_port),
        "PENSTOCK_SERVICE_SECRET": SECRET,
        "REDIS_URL": url,
    }
    command = [sys.executable, "-m", "cache_service"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=home)
    try:
        wait_until(lambda: accepts(port), seconds=30, what="cache-service")
        yield port
    finally:
        process.kill()
        process.wait()
