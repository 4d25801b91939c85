"""The shared event log while Redis is absent, killed, hung and back; and when a replica is taken for dead."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from chat_stream_service.adapters.memory_stream import LogLimits
from chat_stream_service.adapters.redis.event_log import RedisEventLog
from chat_stream_service.adapters.redis.replica import RedisReplica
from chat_stream_service.adapters.redis.stream_store import StreamStore
from chat_stream_service.domain.model.event import ChatEvent, CompleteState, ErrorEvent, EventBody, MessageChunk, Status
from chat_stream_service.domain.model.event_log import StreamHeader, StreamTakenOver
from penstock_kit.clock import SystemClock
from penstock_kit.errors import Unavailable
from penstock_kit.redis.link import RedisLink, RedisUnavailable
from penstock_testkit.servers.process import ServerProcess, free_port
from penstock_testkit.servers.redis import start_local_redis
from penstock_testkit.waiting import HANG_SECONDS, assert_within, until, until_true

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Start = Callable[..., Awaitable[RedisReplica]]


class OwnRedis:
    """A Redis to kill, hang and start again, empty, on the same port."""

    def __init__(self) -> None:
        self.port = free_port()
        self.process: ServerProcess | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self.process = start_local_redis(self.port)

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()

    def hang(self) -> None:
        assert self.process is not None
        self.process.hang()

    def resume(self) -> None:
        assert self.process is not None
        self.process.resume()


@pytest.fixture
def redis() -> Iterator[OwnRedis]:
    own = OwnRedis()
    yield own
    own.stop()


@pytest.fixture
async def start(redis: OwnRedis) -> AsyncGenerator[Start]:
    async with AsyncExitStack() as stack:

        async def start_replica(name: str) -> RedisReplica:
            clock = SystemClock()
            link = RedisLink(redis.url, clock=clock)
            stack.push_async_callback(link.close)
            replica = RedisReplica(link, replica=name, limits=LogLimits(), clock=clock)
            await stack.enter_async_context(replica.run())
            return replica

        yield start_replica


def header(stream_id: str = "strm_1", *, request_id: str = "") -> StreamHeader:
    return StreamHeader(
        stream_id=stream_id,
        conversation_id="conv_1",
        tenant_id="acme",
        user_id="ann",
        create_time=NOW,
        request_id=request_id,
    )


def event(sequence: int, body: EventBody | None = None) -> ChatEvent:
    return ChatEvent(
        stream_id="strm_1",
        conversation_id="conv_1",
        sequence=sequence,
        create_time=NOW,
        body=body or MessageChunk(content=f"{sequence} "),
    )


def end(sequence: int) -> ChatEvent:
    text = "".join(f"{number} " for number in range(1, sequence))
    return event(sequence, CompleteState(status=Status.COMPLETED, content=text))


async def read_all(log: RedisEventLog, seen: list[int] | None = None) -> list[int]:
    """Read to the end; `seen` grows while events come."""
    seen = [] if seen is None else seen
    async with asyncio.timeout(HANG_SECONDS), aclosing(log.read("strm_1", after=0)) as batches:
        async for batch in batches:
            seen += [item.sequence for item in batch]
    return seen


async def start_reading(*logs: RedisEventLog) -> list["asyncio.Task[list[int]]"]:
    """Begin to read on each log, and return the readers when each has something."""
    seen: list[list[int]] = [[] for _ in logs]
    readers = [asyncio.create_task(read_all(log, each)) for log, each in zip(logs, seen, strict=True)]
    await until(lambda: all(seen))
    return readers


async def test_without_redis_a_replica_starts_and_serves_from_memory(start: Start) -> None:
    began = time.monotonic()
    replica = await start("rep_a")
    log = replica.event_log
    await log.open(header(request_id="r-1"))
    await log.append([event(1), event(2), end(3)])
    assert_within(time.monotonic() - began, 3)
    assert not log.shared
    assert await read_all(log) == [1, 2, 3]
    assert (await log.open(header("strm_2", request_id="r-1"))).stream_id == "strm_1"
    assert (await replica.status()).state == "degraded"


async def test_what_only_redis_could_know_is_unavailable_and_not_unknown(start: Start) -> None:
    log = (await start("rep_a")).event_log
    with pytest.raises(Unavailable, match="can't be asked"):
        await log.describe("strm_elsewhere")
    with pytest.raises(Unavailable, match="can't be asked"):
        await read_all(log)


async def test_redis_that_comes_late_gets_what_was_written_before(redis: OwnRedis, start: Start) -> None:
    here = (await start("rep_a")).event_log
    await here.open(header())
    await here.append([event(1), event(2)])
    redis.start()
    await until(lambda: here.shared)
    there = (await start("rep_b")).event_log
    await here.append([end(3)])
    assert await read_all(there) == [1, 2, 3]


@pytest.mark.parametrize("fault", ["kill", "hang"])
async def test_readers_here_lose_nothing_and_redis_is_told_the_rest(redis: OwnRedis, start: Start, fault: str) -> None:
    redis.start()
    here, there = (await start("rep_a")).event_log, (await start("rep_b")).event_log
    await here.open(header())
    await here.append([event(1)])
    await here.describe("strm_1")
    reading = await start_reading(here, here, there)
    with capture_logs() as logs:
        getattr(redis, fault)()
        began = time.monotonic()
        for sequence in range(2, 200):
            await here.append([event(sequence)])
        state = await here.describe("strm_1")
        assert state is not None
        assert state.last_sequence == 199
        assert_within(time.monotonic() - began, 1, "a writer whose Redis is away")
        assert_within(await until(lambda: not here.shared and not there.shared), 1, "noticing that Redis is away")
        redis.start() if fault == "kill" else redis.resume()
        assert_within(await until(lambda: here.shared and there.shared), 5, "sharing again")
        await here.append([end(200)])
        assert [await reader for reader in reading] == [list(range(1, 201))] * 3
        assert await read_all((await start("rep_c")).event_log) == list(range(1, 201))
    outages = [entry for entry in logs if "away" in entry["event"]]
    assert len(outages) == 2, "one line for each of the two replicas"
    assert not [entry for entry in logs if entry["log_level"] in ("error", "critical")]


async def test_an_outage_makes_no_replica_lost(redis: OwnRedis, start: Start) -> None:
    redis.start()
    here, there = await start("rep_a"), await start("rep_b")
    redis.hang()
    await until(lambda: not here.event_log.shared and not there.event_log.shared)
    # Longer than the lease.
    with pytest.raises(TimeoutError):
        await until(
            lambda: bool(here.failure_detector.lost_replicas or there.failure_detector.lost_replicas), seconds=2.2
        )
    redis.resume()
    await until(lambda: here.event_log.shared and there.event_log.shared)
    with pytest.raises(TimeoutError):
        await until(
            lambda: bool(here.failure_detector.lost_replicas or there.failure_detector.lost_replicas), seconds=1
        )


async def test_a_replica_that_lost_its_stream_cannot_write_to_it_any_more(redis: OwnRedis, start: Start) -> None:
    redis.start()
    here, there = await start("rep_a"), await start("rep_b")
    log, successor = here.event_log, there.event_log
    await log.open(header())
    await log.append([event(1)])
    await log.describe("strm_1")
    (reader,) = await start_reading(log)
    assert await take_over(redis, "strm_1", dead="rep_a", by="rep_b")
    _, events = await successor.adopt("strm_1")
    assert [item.sequence for item in events] == [1]
    error = ErrorEvent(code=503, reason="STREAM_INTERRUPTED", message="lost", retryable=True, partial_content="1 ")
    await successor.append([event(2, error)])
    await log.append([event(2), event(3)])
    with pytest.raises(StreamTakenOver):
        await write_until_refused(log, 4)
    assert await reader == [1, 2], "its readers get the end that the other replica wrote"
    assert await read_all(successor) == [1, 2]


async def take_over(redis: OwnRedis, stream_id: str, *, dead: str, by: str) -> bool:
    link = RedisLink(redis.url, clock=SystemClock())
    await link.probe([("PING",)])
    store = StreamStore(link, replica=by, running_seconds=60, ended_seconds=60)
    claimed = await store.claim(stream_id, dead=dead)
    assert not await store.claim(stream_id, dead=dead), "only one survivor gets it"
    await link.close()
    return claimed


async def write_until_refused(log: RedisEventLog, sequence: int) -> None:
    async with asyncio.timeout(HANG_SECONDS):
        while True:
            await log.append([event(sequence)])
            sequence += 1
            await asyncio.sleep(0.01)


async def test_a_terminal_event_that_is_refused_is_not_said_to_be_written(redis: OwnRedis, start: Start) -> None:
    redis.start()
    log = (await start("rep_a")).event_log
    await log.open(header())
    await log.append([event(1)])
    await log.describe("strm_1")
    assert await take_over(redis, "strm_1", dead="rep_a", by="rep_b")
    with pytest.raises(StreamTakenOver):
        await log.append([end(2)])


async def test_a_deletion_during_an_outage_is_made_up_for(redis: OwnRedis, start: Start) -> None:
    redis.start()
    log = (await start("rep_a")).event_log
    await log.open(header())
    await log.append([event(1), end(2)])
    redis.hang()
    await until(lambda: not log.shared)
    await log.drop("conv_1")
    redis.resume()
    await until(lambda: log.shared)
    await log.clean()
    there = (await start("rep_b")).event_log
    assert await there.describe("strm_1") is None


async def test_scripts_that_the_server_forgot_are_given_again(redis: OwnRedis, start: Start) -> None:
    redis.start()
    log = (await start("rep_a")).event_log
    await log.open(header())
    await log.append([event(1)])
    await log.describe("strm_1")
    link = RedisLink(redis.url, clock=SystemClock())
    await link.probe([("SCRIPT", "FLUSH")])
    await link.close()
    await log.append([end(2)])
    assert await read_all((await start("rep_b")).event_log) == [1, 2]
    assert log.shared


async def test_a_pause_of_our_own_is_no_outage(redis: OwnRedis) -> None:
    redis.start()
    link = RedisLink(redis.url, clock=SystemClock())
    await link.probe([("PING",)])
    for turns in range(12):
        answer = asyncio.create_task(link.run([("PING",)]))
        for _ in range(turns):
            await asyncio.sleep(0)
        time.sleep(0.25)  # noqa: ASYNC251 - stands for a long garbage collection
        assert await answer == [b"PONG"]
    assert link.up
    redis.hang()
    with pytest.raises(RedisUnavailable):
        await link.run([("PING",)])
    redis.resume()
    await link.close()


@pytest.mark.parametrize("turns", range(8))
async def test_no_connection_outlives_the_closing(redis: OwnRedis, turns: int) -> None:
    redis.start()
    link = RedisLink(f"{redis.url}?client_name=closed", clock=SystemClock())
    await link.probe([("PING",)])
    under_way = [asyncio.create_task(link.run([("PING",)])) for _ in range(8)]
    for _ in range(turns):
        await asyncio.sleep(0)
    await link.close()
    answers = await asyncio.gather(*under_way, return_exceptions=True)
    assert all(answer == [b"PONG"] or isinstance(answer, RedisUnavailable) for answer in answers)
    witness = RedisLink(redis.url, clock=SystemClock())

    async def none_is_left() -> bool:
        (clients,) = await witness.probe([("CLIENT", "LIST")])
        return b"name=closed" not in clients

    await until_true(none_is_left)
    await witness.close()
    with pytest.raises(RedisUnavailable, match="closed"):
        await link.run([("PING",)])
