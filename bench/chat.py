"""What the chat stream adds, through gateway, chat-stream-service and llm-service, to the upstream's own stream."""

import asyncio
import statistics
import time

import aiohttp
import orjson

from bench.completions import MARK, ROUNDS, client, question, system_in_front_of, upstream
from bench.load import HEADERS, Target, chunk_rate, first_chunks
from bench.measure import Figure, Report, interleaved
from penstock_testkit.system import RunningSystem


async def run() -> Report:
    """Measure direct and through all three processes, in interleaved rounds."""
    report = Report(title="Chat stream, three processes, over the upstream's own stream")
    with upstream() as base_url, system_in_front_of(base_url) as system:
        async with client() as session:
            await measure(report, session, f"{base_url}/chat/completions", system)
    return report


async def measure(report: Report, session: aiohttp.ClientSession, direct_url: str, system: RunningSystem) -> None:
    """Fill the report."""
    auth = HEADERS | {"Authorization": f"Bearer {system.key}"}
    body = orjson.dumps({"content": "ping", "role": "user", "model": "openai/bench", "use_tools": False})
    direct = Target(session=session, url=direct_url, body=question("bench", stream=True), headers=HEADERS)

    async def new_chat() -> Target:
        async with session.post(f"{system.url}/api/v1/conversations", data=b"{}", headers=auth) as answer:
            url = f"{system.url}/api/v1/conversations/{(await answer.json())['id']}/stream"
        return Target(session=session, url=url, body=body, headers=auth)

    async def ours(count: int) -> list[float]:
        taken: list[float] = []
        for _ in range(count):
            taken += await first_chunks(await new_chat(), 1, MARK)
        return taken

    await ours(50)
    (direct_p50, direct_p99), (our_p50, our_p99) = await interleaved(
        ROUNDS, lambda: first_chunks(direct, 100, MARK), lambda: ours(60)
    )
    single = [await words_a_second([await new_chat()]) for _ in range(ROUNDS)]
    many = [await words_a_second([await new_chat() for _ in range(50)]) for _ in range(ROUNDS)]
    floor = [await chunk_rate(direct, 50, MARK) for _ in range(ROUNDS)]
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


async def words_a_second(chats: list[Target]) -> float:
    """The upstream's chunks a second that arrive, counted once (in the deltas, not again in the final snapshot)."""

    async def reader(chat: Target) -> int:
        async with chat.post() as answer:
            assert answer.status == 200, await answer.text()
            deltas = (await answer.read()).rpartition(b"event: complete_state")[0]
            return deltas.count(MARK)

    started = time.perf_counter()
    counts = await asyncio.gather(*(reader(chat) for chat in chats))
    return sum(counts) / (time.perf_counter() - started)
