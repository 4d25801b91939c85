"""What the chat stream adds, through gateway, chat-stream-service and llm-service, beside two floors.

The floors are the upstream's own stream, read directly, and a bare grpc.aio relay of three processes.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence

import orjson

from bench.chat_delay import Delays, delays, memory_per_stream, resident
from bench.completions import MARK, http_client, question, system_in_front_of, upstream
from bench.load import Target, accepted, chunk_rate, first_chunks, rest_of
from bench.measure import Figure, Report, interleaved
from bench.relay import relay
from llm_service.providers.http_client import HttpClient
from penstock_testkit.slow_readers import slow_readers
from penstock_testkit.system import RunningSystem

ROUNDS = 4
STREAMS = 200
FEW_STREAMS = 20
SLOW_READERS = 200
CONNECTIONS = 1000
NOTE = (
    "A chunk is a piece the upstream sent; we may join several in one event and count each. First bytes are measured "
    "on an answer whose first piece comes alone; `whole answer at once` is one of 400 pieces in one write, whose rest "
    "competes for the two cores with its beginning. Delays are from the upstream's write to the reader's read, "
    "in the middle one of seven half seconds; the row of all seconds has all of them. Slow readers take a kilobyte a "
    "second of a stream of two megabytes."
)


async def run() -> Report:
    """Measure direct, through the bare relay and through all three processes, in interleaved rounds."""
    report = Report(title="Chat stream, three processes, beside the upstream's own stream and a bare gRPC relay")
    with upstream() as base_url, relay(base_url) as relay_url, system_in_front_of(base_url) as system:
        async with http_client() as client:
            bench = ChatBench(client, f"{base_url}/chat/completions", relay_url, system)
            await bench.warm_up()
            for part in (bench.first_bytes, bench.rates, bench.many, bench.beside_slow_readers, bench.connections):
                await part(report)
    report.note = NOTE
    return report


class ChatBench:
    """One system and its floors."""

    def __init__(self, client: HttpClient, direct: str, relayed: str, system: RunningSystem) -> None:
        self._client = client
        self._direct = direct
        self._relayed = relayed
        self._system = system
        self._auth = {"Authorization": f"Bearer {system.key}"}

    def direct(self, model: str) -> Target:
        """The upstream itself."""
        return Target(client=self._client, url=self._direct, body=question(model, stream=True))

    def relayed(self, model: str) -> Target:
        """The bare relay."""
        return Target(client=self._client, url=self._relayed, body=question(model, stream=True))

    def completion(self, model: str) -> Target:
        """A completion through the gateway."""
        url = f"{self._system.url}/v1/chat/completions"
        return Target(client=self._client, url=url, body=question(f"openai/{model}", stream=True), headers=self._auth)

    async def chat(self, model: str, content: str = "ping") -> Target:
        """A turn of a new conversation."""
        conversations = f"{self._system.url}/api/v1/conversations"
        async with Target(client=self._client, url=conversations, body=b"{}", headers=self._auth).post() as made:
            url = f"{conversations}/{orjson.loads(await rest_of(made))['id']}/stream"
        body = orjson.dumps({"content": content, "model": f"openai/{model}", "use_tools": False})
        return Target(client=self._client, url=url, body=body, headers=self._auth)

    async def warm_up(self) -> None:
        """Take what is done once out of the figures."""
        await self._first_of_new_chats("bench", 40)
        await self._first_of_new_chats("brief", 20)
        await first_chunks(self.relayed("bench"), 20, MARK)

    async def first_bytes(self, report: Report) -> None:
        """One stream after another."""
        for name, model, ours in (
            ("first byte over", "brief", lambda: self._first_of_new_chats("brief", 30)),
            ("first byte over, after 5 to 25 turns", "brief", self._first_of_later_turns),
            ("first byte over, whole answer at once", "bench", lambda: self._first_of_new_chats("bench", 30)),
        ):
            await self._first_bytes(report, name, model, ours)

    async def _first_bytes(
        self, report: Report, name: str, model: str, ours: Callable[[], Awaitable[Sequence[float]]]
    ) -> None:
        (direct, direct_p99), (floor, floor_p99), (p50, p99) = await interleaved(
            ROUNDS,
            lambda: first_chunks(self.direct(model), 30, MARK),
            lambda: first_chunks(self.relayed(model), 30, MARK),
            ours,
        )
        goal = "≤ 5, goal 2" if model == "brief" else ""
        beside = f"bare relay: {floor - direct:.2f} ms;"
        report.figures += [
            Figure(
                name=f"{name}, p50",
                value=p50 - direct,
                unit="ms",
                beside=f"{beside} direct: {direct:.2f} ms",
                goal=goal,
            ),
            Figure(
                name=f"{name}, p99",
                value=p99 - direct_p99,
                unit="ms",
                beside=f"bare relay: {floor_p99 - direct_p99:.2f} ms",
            ),
        ]

    async def _first_of_new_chats(self, model: str, count: int) -> Sequence[float]:
        taken: list[float] = []
        for _ in range(count):
            taken += await first_chunks(await self.chat(model), 1, MARK)
        return taken

    async def _first_of_later_turns(self) -> Sequence[float]:
        """Turns of one conversation, about what was said in it and in others before."""
        chat = await self.chat("brief", "What did I ask about the pressure of pump P100 last week?")
        return (await first_chunks(chat, 25, MARK))[5:]

    async def rates(self, report: Report) -> None:
        """Chunks a second, as many as there can be."""
        for name, model, streams, goal in (
            ("chunks/s, one stream", "bench", 1, "≥ 5,000"),
            ("chunks/s, 50 streams", "bench", 50, "≥ 15,000, goal 30,000"),
            ("chunks/s, 50 streams, one a write", "single", 50, "≥ 15,000, goal 30,000"),
        ):
            found: list[tuple[float, float, float]] = []
            for _ in range(3):
                direct = await chunk_rate(self.direct(model), streams, MARK)
                floor = await chunk_rate(self.relayed(model), streams, MARK)
                found.append((await words_a_second([await self.chat(model) for _ in range(streams)]), floor, direct))
            ours, floor, direct = (statistics.median(column) for column in zip(*found, strict=True))
            beside = f"bare relay; direct: {direct:,.0f}"
            report.figures.append(
                Figure(name=name, value=ours, unit="1/s", beside=beside, ratio=ours / floor, goal=goal)
            )

    async def many(self, report: Report) -> None:
        """Many streams at a model's pace."""
        direct = await delays([self.direct("paced")] * STREAMS)
        floor = await delays([self.relayed("paced")] * STREAMS)
        ours = await delays([await self.chat("paced") for _ in range(STREAMS)])
        name = f"delay of a chunk, {STREAMS} streams at 20 chunks/s"
        for what, goal, values in (
            ("p50", "", [each.usual(0.5) for each in (ours, floor, direct)]),
            ("p99", "≤ 20", [each.usual(0.99) for each in (ours, floor, direct)]),
            ("p99 of all seconds", "", [each.overall(0.99) for each in (ours, floor, direct)]),
        ):
            beside = f"bare relay: {values[1]:.2f} ms; direct: {values[2]:.2f} ms"
            report.figures.append(Figure(name=f"{name}, {what}", value=values[0], unit="ms", beside=beside, goal=goal))
        arrived = 100 * ours.count / direct.count
        report.figures.append(Figure(name="chunks of them that arrived", value=arrived, unit="%", goal="100"))

    async def beside_slow_readers(self, report: Report) -> None:
        """A few streams at a model's pace, while many readers take a kilobyte a second of another one."""

        async def few() -> Delays:
            return await delays([await self.chat("paced") for _ in range(FEW_STREAMS)])

        alone = await few()
        async with (await self.chat("long")).post() as answer:
            stream_id = (await accepted(answer)).headers["x-stream-id"]
            await rest_of(answer)
        url = f"{self._system.url}/api/v1/streams/{stream_id}/events"
        before = resident(self._system)
        async with slow_readers(url, self._system.key, count=SLOW_READERS):
            beside = await few()
            after = resident(self._system)
        grown = sum(after[name] - before[name] for name in ("gateway", "chat_stream_service")) / SLOW_READERS
        name = f"delay of a chunk, {FEW_STREAMS} streams beside {SLOW_READERS} slow readers, p99"
        note = f"without them: {alone.usual(0.99):.2f} ms"
        report.figures += [
            Figure(name=name, value=beside.usual(0.99), unit="ms", beside=note, goal="the same"),
            Figure(name="memory a slow reader: gateway and chat-stream-service", value=grown, unit="MB"),
        ]

    async def connections(self, report: Report) -> None:
        """Many streams on which nothing happens."""
        chats = [await self.chat("idle") for _ in range(CONNECTIONS)]
        megabytes = await memory_per_stream(self._system, chats)
        for name, value in megabytes.items():
            goal = "≤ 0.5 MB" if name == "gateway and chat-stream-service" else ""
            report.figures.append(
                Figure(name=f"memory a stream, {len(chats):,} idle ones: {name}", value=value, unit="MB", goal=goal)
            )


async def words_a_second(chats: Sequence[Target]) -> float:
    """The upstream's chunks a second that arrive, counted once (in the deltas, not again in the final snapshot)."""

    async def reader(chat: Target) -> int:
        async with chat.post() as answer:
            deltas = (await rest_of(await accepted(answer))).rpartition(b"event: complete_state")[0]
            return deltas.count(MARK)

    started = time.perf_counter()
    counts = await asyncio.gather(*(reader(chat) for chat in chats))
    return sum(counts) / (time.perf_counter() - started)
