"""What /v1/chat/completions adds to calling the upstream directly: latency, throughput, first chunk, chunks."""

import asyncio
import contextlib
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import orjson

from bench import wrk
from bench.load import HEADERS, Target, chunk_rate, first_chunks, latencies, throughput
from bench.measure import Figure, Report, interleaved
from llm_service.providers.http_client import HttpClient
from penstock_testkit.servers.process import accepts, free_port, wait_until
from penstock_testkit.system import RunningSystem, start_system

ROUNDS = 5
MARK = b"word"
MODELS = ("bench", "brief", "paced", "slow", "single", "idle")


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
    vendor = {"OPENAI_API_KEY": "sk-bench", "OPENAI_BASE_URL": base_url, "OPENAI_MODELS": ",".join(MODELS)}
    with tempfile.TemporaryDirectory() as folder:
        system = start_system(Path(folder) / "home", extra_env=vendor | {"PENSTOCK_LOG_LEVEL": "warning"}, demo=False)
        try:
            yield system
        finally:
            system.stop()


@contextlib.asynccontextmanager
async def http_client() -> AsyncIterator[HttpClient]:
    """An HTTP client whose pool does not limit the load."""
    client = HttpClient(headers=HEADERS, connect_timeout=5, connections=5000)
    try:
        yield client
    finally:
        await client.close()


def question(model: str, *, stream: bool) -> bytes:
    """A small request."""
    return orjson.dumps({"model": model, "messages": [{"role": "user", "content": "ping"}], "stream": stream})


async def run() -> Report:
    """Measure direct and through the gateway, in interleaved rounds."""
    report = Report(title="/v1/chat/completions over calling the upstream directly")
    with upstream() as base_url, system_in_front_of(base_url) as system:
        async with http_client() as client:
            await measure(report, client, f"{base_url}/chat/completions", system)
    return report


async def measure(report: Report, client: HttpClient, direct_url: str, system: RunningSystem) -> None:
    """Fill the report."""
    our_url = f"{system.url}/v1/chat/completions"
    auth = {"Authorization": f"Bearer {system.key}"}

    def pair(*, stream: bool, model: str = "bench") -> tuple[Target, Target]:
        return (
            Target(client=client, url=direct_url, body=question(model, stream=stream)),
            Target(client=client, url=our_url, body=question(f"openai/{model}", stream=stream), headers=auth),
        )

    await latencies(pair(stream=False)[1], 200)
    await chunk_rate(pair(stream=True)[1], 10, MARK)
    await measure_latency(report, *pair(stream=False))
    await measure_first_chunk(report, "first chunk over", "≤ 2", *pair(stream=True, model="brief"))
    await measure_first_chunk(report, "first chunk over, whole answer at once", "", *pair(stream=True))
    await measure_chunks(report, *pair(stream=True))
    await measure_throughput(report, *pair(stream=False))
    if wrk.is_installed():
        report.figures += await asyncio.to_thread(wrk.figures, *pair(stream=False))
    else:
        report.note = "wrk is not installed here; where it is, rows of its own say what a client in C sees."


async def measure_latency(report: Report, direct: Target, ours: Target) -> None:
    """One request after another."""
    (direct_p50, direct_p99), (our_p50, our_p99) = await interleaved(
        ROUNDS, lambda: latencies(direct, 300), lambda: latencies(ours, 300)
    )
    report.figures += [
        Figure(name="over p50", value=our_p50 - direct_p50, unit="ms", goal="≤ 1.5, goal 1.0"),
        Figure(name="over p99", value=our_p99 - direct_p99, unit="ms", goal="≤ 5"),
    ]


async def measure_throughput(report: Report, direct: Target, ours: Target) -> None:
    """Requests a second over 64 connections."""
    floors: list[float] = []
    rates: list[float] = []
    failed = 0
    for _ in range(3):
        floors.append((await throughput(direct, 64, 3))[0])
        rate, errors, _ = await throughput(ours, 64, 3)
        rates.append(rate)
        failed += errors
    floor, rate = statistics.median(floors), statistics.median(rates)
    report.figures += [
        Figure(name="requests/s, 64 connections", value=rate, unit="1/s", beside="direct", ratio=rate / floor),
        Figure(name="failed requests", value=failed, unit="", goal="0"),
    ]


async def measure_first_chunk(report: Report, name: str, goal: str, direct: Target, ours: Target) -> None:
    """First chunk, one stream after another."""
    (direct_p50, direct_p99), (our_p50, our_p99) = await interleaved(
        ROUNDS, lambda: first_chunks(direct, 60, MARK), lambda: first_chunks(ours, 60, MARK)
    )
    report.figures += [
        Figure(name=f"{name} p50", value=our_p50 - direct_p50, unit="ms", goal=goal),
        Figure(name=f"{name} p99", value=our_p99 - direct_p99, unit="ms"),
    ]


async def measure_chunks(report: Report, direct: Target, ours: Target) -> None:
    """Chunks a second over many streams."""
    floors: list[float] = []
    rates: list[float] = []
    for _ in range(ROUNDS):
        floors.append(await chunk_rate(direct, 50, MARK))
        rates.append(await chunk_rate(ours, 50, MARK))
    floor, rate = statistics.median(floors), statistics.median(rates)
    report.figures += [
        Figure(name="chunks/s, 50 streams", value=rate, unit="1/s", beside="direct", ratio=rate / floor),
    ]
