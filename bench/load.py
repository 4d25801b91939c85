"""A bounded HTTP load: latency one by one, throughput over many connections, chunks over many streams."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiohttp

HEADERS = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One request that a load repeats."""

    session: aiohttp.ClientSession
    url: str
    body: bytes
    headers: Mapping[str, str]

    def post(self) -> "aiohttp.client._RequestContextManager":
        """Send it once."""
        return self.session.post(self.url, data=self.body, headers=self.headers)


async def latencies(target: Target, count: int) -> Sequence[float]:
    """Milliseconds of `count` requests, one after another."""
    taken: list[float] = []
    for _ in range(count):
        started = time.perf_counter()
        async with target.post() as answer:
            await answer.read()
            assert answer.status == 200, await answer.text()
        taken.append((time.perf_counter() - started) * 1000)
    return taken


async def first_chunks(target: Target, count: int, mark: bytes) -> Sequence[float]:
    """Milliseconds to the first piece of body that holds `mark`, for `count` streams one after another."""
    taken: list[float] = []
    for _ in range(count):
        started = time.perf_counter()
        async with target.post() as answer:
            assert answer.status == 200, await answer.text()
            seen = b""
            while mark not in seen:
                piece = await answer.content.readany()
                assert piece, f"stream ended without {mark!r}: {seen!r}"
                seen += piece
            taken.append((time.perf_counter() - started) * 1000)
            await answer.read()
    return taken


async def throughput(target: Target, connections: int, seconds: float) -> tuple[float, int, Sequence[float]]:
    """Requests a second over `connections`, how many failed, and the latencies in milliseconds."""
    end = time.perf_counter() + seconds
    done: list[float] = []
    failed = 0

    async def worker() -> None:
        nonlocal failed
        while time.perf_counter() < end:
            started = time.perf_counter()
            async with target.post() as answer:
                await answer.read()
                failed += answer.status != 200
            done.append((time.perf_counter() - started) * 1000)

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(connections)))
    return len(done) / (time.perf_counter() - started), failed, done


async def chunk_rate(target: Target, streams: int, mark: bytes) -> float:
    """Pieces marked by `mark` a second, over `streams` read at the same time."""

    async def reader() -> int:
        async with target.post() as answer:
            assert answer.status == 200, await answer.text()
            return (await answer.read()).count(mark)

    started = time.perf_counter()
    counts = await asyncio.gather(*(reader() for _ in range(streams)))
    return sum(counts) / (time.perf_counter() - started)
