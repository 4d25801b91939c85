"""What the chat stream adds, through gateway, chat-stream-service and llm-service, to the upstream's own stream."""

import statistics

import aiohttp
import orjson

from bench.completions import MARK, ROUNDS, client, question, system_in_front_of, upstream
from bench.load import HEADERS, chunk_rate, first_chunks
from bench.measure import Figure, Report, interleaved
from penstock_testkit.system import RunningSystem


async def run() -> Report:
    """Measure direct and through all three processes, in interleaved rounds."""
    report = Report(title="Chat stream, three processes, over the upstream's own stream")
    with upstream() as base_url, system_in_front_of(base_url) as system:
        async with client() as session:
            await measure(report, session, f"{base_url}/chat/completions", system)
    return report


async def measure(report: Report, session: aiohttp.ClientSession, direct: str, system: RunningSystem) -> None:
    """Fill the report."""
    auth = HEADERS | {"Authorization": f"Bearer {system.key}"}
    body = orjson.dumps({"content": "ping", "role": "user", "model": "openai/bench", "use_tools": False})
    floor_body = question("bench", stream=True)

    async def new_url() -> str:
        async with session.post(f"{system.url}/api/v1/conversations", data=b"{}", headers=auth) as answer:
            return f"{system.url}/api/v1/conversations/{(await answer.json())['id']}/stream"

    async def ours(count: int) -> list[float]:
        taken: list[float] = []
        for _ in range(count):
            taken += await first_chunks(session, await new_url(), body, auth, 1, MARK)
        return taken

    await ours(50)
    (direct_p50, direct_p99), (our_p50, our_p99) = await interleaved(
        ROUNDS, lambda: first_chunks(session, direct, floor_body, HEADERS, 100, MARK), lambda: ours(60)
    )
    single = [await words_a_second(session, [await new_url()], body, auth) for _ in range(ROUNDS)]
    many = [await words_a_second(session, [await new_url() for _ in range(50)], body, auth) for _ in range(ROUNDS)]
    floor = [await chunk_rate(session, direct, floor_body, HEADERS, 50, MARK) for _ in range(ROUNDS)]
    report.note = "A chunk is a piece the upstream sent; we may join several in one event and count each."
    report.figures += [
        Figure(name="first byte over p50", value=our_p50 - direct_p50, unit="ms", goal="≤ 5, goal 2"),
        Figure(name="first byte over p99", value=our_p99 - direct_p99, unit="ms"),
        Figure(name="chunks/s, one stream", value=statistics.median(single), unit="1/s", goal="≥ 5,000"),
        Figure(
            name="chunks/s, 50 streams",
            value=statistics.median(many),
            unit="1/s",
            beside="direct",
            ratio=statistics.median(many) / statistics.median(floor),
            goal="≥ 15,000, goal 30,000",
        ),
    ]


async def words_a_second(session: aiohttp.ClientSession, urls: list[str], body: bytes, auth: dict[str, str]) -> float:
    """The upstream's chunks a second that arrive, counted once (deltas only, not the final snapshot)."""
    import asyncio
    import time

    async def reader(url: str) -> int:
        async with session.post(url, data=body, headers=auth) as answer:
            assert answer.status == 200, await answer.text()
            return (await answer.read()).count(MARK) // 2  # each word stands once in a delta, once in complete_state

    started = time.perf_counter()
    counts = await asyncio.gather(*(reader(url) for url in urls))
    return sum(counts) / (time.perf_counter() - started)
