import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing, suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from chat_stream_service.adapters.memory_event_log import MemoryEventLog
from chat_stream_service.adapters.memory_stream import LogLimits
from chat_stream_service.adapters.redis.event_log import RedisEventLog
from chat_stream_service.adapters.redis.replica import RedisReplica
from chat_stream_service.domain.model.event import ChatEvent, CompleteState, EventBody, MessageChunk, Status
from chat_stream_service.domain.model.event_log import Offer, StreamHeader
from chat_stream_service.domain.stream.event_fold import EventFold
from penstock_kit.clock import SystemClock
from penstock_kit.errors import PenstockError
from penstock_kit.redis.link import RedisLink
from penstock_testkit.clock import ManualClock
from penstock_testkit.contracts.event_log import EventLogContract
from penstock_testkit.servers import RedisServer
from penstock_testkit.waiting import HANG_SECONDS

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def header(stream_id: str = "strm_1", *, conversation_id: str = "conv_1", request_id: str = "") -> StreamHeader:
    return StreamHeader(
        stream_id=stream_id,
        conversation_id=conversation_id,
        tenant_id="acme",
        user_id="ann",
        create_time=NOW,
        request_id=request_id,
    )


def event(sequence: int, body: EventBody, *, stream_id: str = "strm_1") -> ChatEvent:
    return ChatEvent(stream_id=stream_id, conversation_id="conv_1", sequence=sequence, create_time=NOW, body=body)


def chunk(sequence: int, content: str = "x", *, stream_id: str = "strm_1") -> ChatEvent:
    return event(sequence, MessageChunk(content=content), stream_id=stream_id)


def end(sequence: int, content: str = "", *, stream_id: str = "strm_1") -> ChatEvent:
    return event(sequence, CompleteState(status=Status.COMPLETED, content=content), stream_id=stream_id)


class Events(EventLogContract):
    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    def make_header(self) -> Any:
        return header

    @pytest.fixture
    def make_chunk(self) -> Any:
        return chunk

    @pytest.fixture
    def make_end(self) -> Any:
        return end


class TestMemoryEventLog(Events):
    @pytest.fixture
    def log(self, clock: ManualClock) -> MemoryEventLog:
        return MemoryEventLog(limits=LogLimits(), clock=clock)

    @pytest.fixture
    def tight_log(self, clock: ManualClock) -> MemoryEventLog:
        return MemoryEventLog(limits=LogLimits(max_events=16), clock=clock)

    @pytest.fixture
    def let_pass(self, clock: ManualClock) -> Any:
        async def passes(seconds: float) -> None:
            clock.advance(seconds)

        return passes


class RedisEvents(Events):
    """The contract on a real Redis. Time passes there by taking it off what keys have left to live."""

    @pytest.fixture
    async def replicas(self, redis_url: str, clock: ManualClock) -> AsyncGenerator[Any]:
        async with AsyncExitStack() as stack:

            async def start(name: str, **limits: int) -> RedisReplica:
                link = RedisLink(redis_url, clock=SystemClock())
                stack.push_async_callback(link.close)
                replica = RedisReplica(link, replica=name, limits=LogLimits(**limits), clock=clock)
                await stack.enter_async_context(replica.run())
                return replica

            yield start

    @pytest.fixture
    async def client(self, redis_url: str) -> AsyncGenerator[Any]:
        async with Redis.from_url(redis_url, socket_timeout=HANG_SECONDS) as client:
            yield client

    @pytest.fixture
    def let_pass(self, clock: ManualClock, client: Any) -> Any:
        async def passes(seconds: float) -> None:
            clock.advance(seconds)
            async for key in client.scan_iter("penstock:*"):
                left = await client.pttl(key)
                if left >= 0:
                    await client.pexpire(key, max(0, left - int(seconds * 1000)))

        return passes


class TestRedisEventLog(RedisEvents):
    @pytest.fixture
    async def log(self, replicas: Any) -> RedisEventLog:
        return (await replicas("rep_a")).event_log

    @pytest.fixture
    async def tight_log(self, replicas: Any) -> RedisEventLog:
        return (await replicas("rep_a", max_events=16)).event_log


class WrittenHereReadThere:
    """Two replicas as one log: one writes, the other does everything else."""

    def __init__(self, here: RedisEventLog, there: RedisEventLog) -> None:
        self.here, self.there = here, there
        self.open, self.append = here.open, here.append
        self.drop, self.clean = there.drop, there.clean

    async def read(self, stream_id: str, *, after: int, offer: Offer | None = None) -> AsyncGenerator[Any]:
        """Read once Redis has what was written: before that nobody was shown it anywhere."""
        with suppress(PenstockError):
            await self.here.settle(stream_id)
        async with aclosing(self.there.read(stream_id, after=after, offer=offer)) as batches:
            async for batch in batches:
                yield batch

    async def describe(self, stream_id: str) -> Any:
        """Ask the reader until it knows what the writer has trimmed."""
        state = await self.here.describe(stream_id)
        async with asyncio.timeout(HANG_SECONDS):
            while (found := await self.there.describe(stream_id)) is not None and state is not None:
                if found.first_sequence == state.first_sequence:
                    break
                await asyncio.sleep(0.01)
        return found

    async def active(self, conversation_ids: Any) -> Any:
        for conversation_id in conversation_ids:
            for stream_id in (await self.here.active([conversation_id])).values():
                await self.here.describe(stream_id)
        return await self.there.active(conversation_ids)


class TestRedisEventLogReadElsewhere(RedisEvents):
    @pytest.fixture
    async def log(self, replicas: Any) -> WrittenHereReadThere:
        return WrittenHereReadThere((await replicas("rep_a")).event_log, (await replicas("rep_b")).event_log)

    @pytest.fixture
    async def tight_log(self, replicas: Any) -> WrittenHereReadThere:
        here = (await replicas("rep_a", max_events=16)).event_log
        return WrittenHereReadThere(here, (await replicas("rep_b", max_events=16)).event_log)

    @pytest.mark.parametrize("entries", [199, 200, 401])
    async def test_a_stream_of_more_entries_than_redis_is_asked_for_at_once_is_read_whole_elsewhere(
        self, log: WrittenHereReadThere, entries: int
    ) -> None:
        await log.open(header())
        for sequence in range(1, entries + 1):
            await log.append([end(sequence) if sequence == entries else chunk(sequence)])
            await log.here.settle("strm_1")
        async with asyncio.timeout(HANG_SECONDS):
            read = [each.sequence async for batch in log.read("strm_1", after=0) for each in batch]
        assert read == list(range(1, entries + 1))


async def test_a_stream_is_bounded_in_bytes_too() -> None:
    log = MemoryEventLog(limits=LogLimits(max_stream_bytes=50_000), clock=ManualClock())
    await log.open(header())
    for sequence in range(1, 101):
        await log.append([chunk(sequence, "y" * 1000)])
    state = await log.describe("strm_1")
    assert state is not None
    assert state.last_sequence - state.first_sequence < 50


async def test_when_all_is_too_much_the_oldest_ended_streams_go_first() -> None:
    log = MemoryEventLog(limits=LogLimits(max_total_bytes=5_000), clock=ManualClock())
    for number in range(5):
        name = f"strm_{number}"
        await log.open(header(name, conversation_id=f"conv_{number}"))
        await log.append([chunk(1, "z" * 500, stream_id=name)])
        if number != 1:
            await log.append([end(2, stream_id=name)])
    kept = [name for name in (f"strm_{n}" for n in range(5)) if await log.describe(name) is not None]
    assert "strm_1" in kept, "a running stream is never given up"
    assert "strm_0" not in kept
    assert "strm_4" in kept


async def test_a_silent_stream_is_forgotten_in_the_end() -> None:
    clock = ManualClock()
    log = MemoryEventLog(limits=LogLimits(max_silence=900), clock=clock)
    await log.open(header())
    clock.advance(901)
    assert await log.clean() == 1


async def test_a_stream_that_still_runs_outlives_those_that_ended() -> None:
    clock = ManualClock()
    log = MemoryEventLog(limits=LogLimits(retention=300, max_silence=900), clock=clock)
    for name in ("strm_runs", "strm_ended"):
        await log.open(header(name, conversation_id=f"conv_{name}"))
    await log.append([end(1, stream_id="strm_ended")])
    clock.advance(299)
    assert await log.clean() == 0
    clock.advance(2)
    assert await log.clean() == 1
    assert await log.describe("strm_runs") is not None


texts = st.lists(st.text(max_size=12), min_size=1, max_size=60)


def log_limits(*, least_events: int) -> st.SearchStrategy[LogLimits]:
    return st.builds(
        LogLimits,
        max_events=st.integers(least_events, 40),
        max_batch=st.integers(1, 9),
        max_batch_bytes=st.integers(1, 5000),
    )


@given(texts=texts, cuts=st.lists(st.integers(0, 20), max_size=12), limits=log_limits(least_events=2))
@settings(deadline=None, max_examples=60)
def test_whatever_a_reader_loses_it_assembles_what_the_producer_wrote(
    texts: list[str], cuts: list[int], limits: LogLimits
) -> None:
    asyncio.run(_read_with_cuts(texts, cuts, limits))


async def _read_with_cuts(texts: list[str], cuts: list[int], limits: LogLimits) -> None:
    """Produce `texts` while one reader disconnects after as many events as `cuts` says, and resumes each time."""
    log = MemoryEventLog(limits=limits, clock=ManualClock())
    await log.open(header())
    async with asyncio.timeout(HANG_SECONDS), asyncio.TaskGroup() as group:
        group.create_task(_produce(log, texts))
        reader = group.create_task(_resuming_reader([log], cuts))
    _check_assembled(reader.result(), texts)


@given(
    texts=texts,
    cuts=st.lists(st.integers(0, 20), max_size=12),
    slow=st.lists(st.integers(0, 3), min_size=1, max_size=8),
    limits=log_limits(least_events=16),
)
@settings(deadline=None, max_examples=60)
def test_readers_that_wander_between_replicas_assemble_what_the_producer_wrote(
    redis_server: RedisServer, texts: list[str], cuts: list[int], slow: list[int], limits: LogLimits
) -> None:
    asyncio.run(_wander(redis_server.url, texts, cuts, slow, limits))


async def _wander(url: str, texts: list[str], cuts: list[int], slow: list[int], limits: LogLimits) -> None:
    """One replica produces; readers resume at either, some of them slowly."""
    async with AsyncExitStack() as stack:
        logs: list[RedisEventLog] = []
        for name in ("rep_a", "rep_b"):
            link = RedisLink(url, clock=SystemClock())
            stack.push_async_callback(link.close)
            replica = RedisReplica(link, replica=name, limits=limits, clock=SystemClock())
            await stack.enter_async_context(replica.run())
            logs.append(replica.event_log)
        await logs[0].drop("conv_1")
        await logs[0].open(header())
        await logs[0].describe("strm_1")
        async with asyncio.timeout(HANG_SECONDS), asyncio.TaskGroup() as group:
            group.create_task(_produce(logs[0], texts))
            readers = [
                group.create_task(_resuming_reader([logs[0]], cuts)),
                group.create_task(_resuming_reader([logs[1]], cuts)),
                group.create_task(_resuming_reader(logs, cuts)),
                group.create_task(_resuming_reader([logs[1], logs[0]], cuts, slow)),
            ]
    for reader in readers:
        _check_assembled(reader.result(), texts)


async def _produce(log: Any, texts: list[str]) -> None:
    bodies: list[EventBody] = [MessageChunk(content=text) for text in texts]
    bodies.append(CompleteState(status=Status.COMPLETED, content="".join(texts)))
    for sequence, body in enumerate(bodies, 1):
        await log.append([event(sequence, body)])
        if sequence % 3 == 0:
            await asyncio.sleep(0)


def _check_assembled(read: tuple[EventFold, bool], texts: list[str]) -> None:
    fold, last_was_terminal = read
    assert fold.text == "".join(texts)
    assert last_was_terminal
    assert fold.sequence == len(texts) + 1


async def _resuming_reader(logs: list[Any], cuts: list[int], slow: Sequence[int] = (0,)) -> tuple[EventFold, bool]:
    """Read at one log after the other, each time for as many events as `cuts` says, and rest as `slow` says."""
    fold = EventFold()
    # The final state is left out of the fold: the deltas and snapshots alone must make the text.
    for turn, allowed in enumerate([*cuts, 10**9]):
        taken = 0
        async with aclosing(logs[turn % len(logs)].read("strm_1", after=fold.sequence)) as batches:
            async for batch in batches:
                for _ in range(slow[turn % len(slow)]):
                    await asyncio.sleep(0.001)
                for item in batch:
                    if item.is_terminal:
                        fold.sequence = item.sequence
                        return fold, True
                    assert item.sequence == fold.sequence + 1 or item.body.status is Status.RUNNING
                    fold.add_events([item])
                    taken += 1
                    if taken > allowed:
                        break
                if taken > allowed:
                    break
    return fold, False
