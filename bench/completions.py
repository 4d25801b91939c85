"""What /v1/chat/completions adds to calling the upstream directly: latency, throughput, first chunk, chunks."""

import contextlib
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import orjson

from bench.load import HEADERS, chunk_rate, first_chunks, latencies, throughput
from bench.measure import Figure, Report, interleaved
from penstock_testkit.servers.process import accepts, free_port, wait_until
from penstock_testkit.system import RunningSystem, start_system

ROUNDS = 5
MARK = b"word"


@contextlib.contextmanager
def upstream() -> Iterator[str]:
    """The floor, in a process of its own; its base URL."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "bench.upstream", str(port)])
    try:
        wait_until(lambda: accepts(port), seconds=10, what="the bench upstream")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait(timeout=5)


@contextlib.contextmanager
def system_in_front_of(base_url: str) -> Iterator[RunningSystem]:
    """A whole system whose `openai` provider is the floor."""
    vendor = {"OPENAI_API_KEY": "sk-bench", "OPENAI_BASE_URL": base_url, "OPENAI_MODELS": "bench,paced"}
    with tempfile.TemporaryDirectory() as folder:
        system = start_system(Path(folder) / "home", extra_env=vendor | {"PENSTOCK_LOG_LEVEL": "warning"}, demo=False)
        try:
            yield system
        finally:
            system.stop()


@contextlib.asynccontextmanager
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client whose pool does not limit the load."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield session


def question(model: str, *, stream: bool) -> bytes:
    """A small request."""
    return orjson.dumps({"model": model, "messages": [{"role": "user", "content": "ping"}], "stream": stream})


async def run() -> Report:
    """Measure direct and through the gateway, in interleaved rounds."""
    report = Report(title="/v1/chat/completions over calling the upstream directly")
    with upstream() as base_url, system_in_front_of(base_url) as system:
        async with client() as session:
            await measure(report, session, f"{base_url}/chat/completions", system)
    return report


async def measure(report: Report, session: aiohttp.ClientSession, direct: str, system: RunningSystem) -> None:
    """Fill the report."""
    ours = f"{system.url}/v1/chat/completions"
    auth = HEADERS | {"Authorization": f"Bearer {system.key}"}
    plain = (question("bench", stream=False), question("openai/bench", stream=False))
    streamed = (question("bench", stream=True), question("openai/bench", stream=True))
    await latencies(session, ours, plain[1], auth, 200)
    await chunk_rate(session, ours, streamed[1], auth, 10, MARK)
    (direct_p50, direct_p99), (our_p50, our_p99) = await interleaved(
        ROUNDS,
        lambda: latencies(session, direct, plain[0], HEADERS, 300),
        lambda: latencies(session, ours, plain[1], auth, 300),
    )
    report.figures += [
        Figure(name="over p50", value=our_p50 - direct_p50, unit="ms", goal="≤ 1.5, goal 1.0"),
        Figure(name="over p99", value=our_p99 - direct_p99, unit="ms", goal="≤ 5"),
    ]
    await measure_streams(report, session, (direct, ours), streamed, auth)
    rates: list[tuple[float, float]] = []
    failed = 0
    for _ in range(3):
        floor, _, _ = await throughput(session, direct, plain[0], HEADERS, 64, 3)
        rate, errors, _ = await throughput(session, ours, plain[1], auth, 64, 3)
        rates.append((floor, rate))
        failed += errors
    floor, rate = (statistics.median(column) for column in zip(*rates, strict=True))
    report.figures += [
        Figure(name="requests/s, 64 connections", value=rate, unit="1/s", beside="direct", ratio=rate / floor),
        Figure(name="failed requests", value=failed, unit="", goal="0"),
    ]


async def measure_streams(
    report: Report,
    session: aiohttp.ClientSession,
    urls: tuple[str, str],
    bodies: tuple[bytes, bytes],
    auth: dict[str, str],
) -> None:
    """First chunk and chunks a second."""
    (direct_p50, direct_p99), (our_p50, our_p99) = await interleaved(
        ROUNDS,
        lambda: first_chunks(session, urls[0], bodies[0], HEADERS, 100, MARK),
        lambda: first_chunks(session, urls[1], bodies[1], auth, 100, MARK),
    )
    rates = [
        (
            await chunk_rate(session, urls[0], bodies[0], HEADERS, 50, MARK),
            await chunk_rate(session, urls[1], bodies[1], auth, 50, MARK),
        )
        for _ in range(ROUNDS)
    ]
    floor, rate = (statistics.median(column) for column in zip(*rates, strict=True))
    report.figures += [
        Figure(name="first chunk over p50", value=our_p50 - direct_p50, unit="ms", goal="≤ 2"),
        Figure(name="first chunk over p99", value=our_p99 - direct_p99, unit="ms", goal="≤ 5"),
        Figure(name="chunks/s, 50 streams", value=rate, unit="1/s", beside="direct", ratio=rate / floor),
    ]
