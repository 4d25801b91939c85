"""A bounded HTTP load: latency one by one, throughput over many connections, chunks over many streams.

The client is the small one that llm-service asks vendors with: load, gateway and upstream share the cores, so what the
client takes is missing from what is measured.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llm_service.providers.http_client import HttpClient, HttpRequest, HttpResponse

HEADERS = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One request that a load repeats."""

    client: HttpClient
    url: str
    body: bytes
    headers: Mapping[str, str] | None = None

    def post(self) -> HttpRequest:
        """Send it once: ``async with target.post() as response``."""
        return self.client.post(self.url, self.body, self.headers)


async def rest_of(response: HttpResponse) -> bytes:
    """The body from here on."""
    pieces: list[bytes] = []
    while piece := await response.read_some():
        pieces.append(piece)
    return b"".join(pieces)


async def accepted(response: HttpResponse) -> HttpResponse:
    """The response, which must be a success."""
    assert response.status == 200, await rest_of(response)
    return response


async def latencies(target: Target, count: int) -> Sequence[float]:
    """Milliseconds of `count` requests, one after another."""
    taken: list[float] = []
    for _ in range(count):
        started = time.perf_counter()
        async with target.post() as answer:
            await rest_of(await accepted(answer))
        taken.append((time.perf_counter() - started) * 1000)
    return taken


async def first_chunks(target: Target, count: int, mark: bytes) -> Sequence[float]:
    """Milliseconds to the first piece of body that holds `mark`, for `count` streams one after another."""
    taken: list[float] = []
    for _ in range(count):
        started = time.perf_counter()
        async with target.post() as answer:
            await accepted(answer)
            seen = b""
            while mark not in seen:
                piece = await answer.read_some()
                assert piece, f"stream ended without {mark!r}: {seen!r}"
                seen += piece
            taken.append((time.perf_counter() - started) * 1000)
            await rest_of(answer)
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
                await rest_of(answer)
                failed += answer.status != 200
            done.append((time.perf_counter() - started) * 1000)

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(connections)))
    return len(done) / (time.perf_counter() - started), failed, done


async def chunk_rate(target: Target, streams: int, mark: bytes) -> float:
    """Pieces marked by `mark` a second, over `streams` read at the same time."""

    async def reader() -> int:
        async with target.post() as answer:
            return (await rest_of(await accepted(answer))).count(mark)

    started = time.perf_counter()
    counts = await asyncio.gather(*(reader() for _ in range(streams)))
    return sum(counts) / (time.perf_counter() - started)
