"""Where something is lost and no reader is told, the log says what: its line is all that an operator sees."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from chat_stream_service.adapters.redis.batch_writer import BatchWriter
from chat_stream_service.adapters.redis.failure_detector import LEASE_SECONDS, FailureDetector
from chat_stream_service.adapters.redis.replica_bus import RedisReplicaBus
from chat_stream_service.domain.model.event import ChatEvent, CompleteState, MessageChunk, Status
from chat_stream_service.domain.model.event_log import StreamHeader
from chat_stream_service.domain.model.message import Message, Role
from chat_stream_service.domain.model.replica_bus import Notice, ReplicaLost
from chat_stream_service.domain.stream.background import BackgroundJobs
from chat_stream_service.domain.stream.lost_stream import LostStream, LostStreamRecovery
from chat_stream_service.domain.stream.pending_writes import PendingWrites
from chat_stream_service.domain.stream.periodic import run_periodically
from chat_stream_service.domain.stream.recording import Recording, RecordingLimits
from chat_stream_service.domain.stream.transcript import Transcript
from penstock_kit.errors import NotFound, Unavailable
from penstock_kit.ids import new_id
from penstock_testkit.clock import ManualClock
from penstock_testkit.waiting import HANG_SECONDS, until

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HEADER = StreamHeader(
    stream_id="strm_1", conversation_id="conv_1", tenant_id="acme", user_id="ann", create_time=NOW, request_id=""
)
CHUNK = ChatEvent(
    stream_id="strm_1", conversation_id="conv_1", sequence=1, create_time=NOW, body=MessageChunk(content="It is ")
)
GONE = NotFound("the conversation is gone", reason="CONVERSATION_NOT_FOUND")
ANY: Any = None


async def wait_for_ever() -> None:
    await asyncio.Event().wait()


class Failing:
    """Fails at what it is asked for, and claims one lost stream."""

    def __init__(self, **errors: Exception) -> None:
        self._errors = errors

    async def claim(self) -> Sequence[LostStream]:
        return [LostStream(header=HEADER, events=[CHUNK])]

    def __getattr__(self, name: str) -> Any:
        async def answer(*_: object, **__: object) -> None:
            if name in self._errors:
                raise self._errors[name]

        return answer


async def test_an_answer_given_up_for_want_of_room_is_named() -> None:
    pending_writes = PendingWrites(most=1)
    with capture_logs() as logs:
        pending_writes.add("strm_1", wait_for_ever)
        assert logs == []
        pending_writes.add("strm_2", wait_for_ever)
    event = "answer given up: too many wait for the store"
    assert logs == [{"event": event, "log_level": "error", "stream_id": "strm_1"}]


async def test_a_late_answer_that_the_store_refuses_is_named_with_the_reason() -> None:
    async def refuse() -> None:
        raise GONE

    pending_writes = PendingWrites()
    pending_writes.add("strm_1", refuse)
    with capture_logs() as logs:
        await pending_writes.flush()
    event = {"event": "late answer not stored", "log_level": "warning"}
    assert logs == [event | {"stream_id": "strm_1", "detail": "the conversation is gone"}]


async def test_an_answer_that_no_store_takes_is_named_and_shown_all_the_same() -> None:
    clock, store = ManualClock(start=NOW), Failing(end_stream=ValueError("broken"))
    recording = Recording(
        header=HEADER,
        question=Message(id="msg_0", conversation_id="conv_1", role=Role.USER, content="Hi", create_time=NOW),
        title="",
        transcript=Transcript(HEADER, clock=clock, new_id=new_id),
        store=store,  # pyright: ignore[reportArgumentType]
        pending_writes=PendingWrites(),
        limits=RecordingLimits(),
        clock=clock,
    )
    answer = CompleteState(status=Status.COMPLETED, content="Hello", thinking="", model="m")
    recording.begin()
    with capture_logs() as logs:
        assert await recording.end(answer, sequence=4) == answer
    assert [(each["event"], each["log_level"], each["stream_id"]) for each in logs] == [
        ("answer not stored", "error", "strm_1")
    ]


@pytest.mark.parametrize(
    ("errors", "events"),
    [
        ({}, ["ended the stream of a lost replica"]),
        ({"end_stream": GONE}, ["ended the stream of a lost replica", "a lost answer is not stored"]),
        ({"append": Unavailable("away", reason="STORAGE_UNAVAILABLE")}, ["lost stream not ended"]),
    ],
    ids=["ended", "not stored", "not ended"],
)
async def test_what_came_of_a_lost_replicas_stream_is_told(errors: dict[str, Exception], events: list[str]) -> None:
    found: Any = Failing(**errors)
    recovery = LostStreamRecovery(lost=found, event_log=found, store=found, clock=ManualClock(start=NOW), new_id=new_id)
    with capture_logs() as logs:
        await recovery.recover()
    assert [each["event"] for each in logs] == events
    assert {each["stream_id"] for each in logs} == {"strm_1"}


async def test_work_that_is_dropped_is_told_at_the_first_and_at_every_hundredth() -> None:
    background = BackgroundJobs(at_once=1, most_waiting=1)
    with capture_logs() as logs:
        for _ in range(202):
            background.submit("remember", wait_for_ever)
        assert [(each["event"], each["job"], each["waiting"], each["dropped"]) for each in logs] == [
            ("too much waits to be done", "remember", 1, dropped) for dropped in (1, 100, 200)
        ]
        logs.clear()
        await background.close(0)
    given_up = {"event": "work given up at the end", "log_level": "warning"}
    assert logs == [given_up | {"waiting": 1, "running": 1}]


async def test_work_that_took_too_long_is_named() -> None:
    background = BackgroundJobs(job_seconds=0.01)
    with capture_logs() as logs:
        background.submit("remember", wait_for_ever)
        async with asyncio.timeout(HANG_SECONDS):
            await background.idle()
    assert logs == [{"event": "work took too long", "log_level": "warning", "job": "remember", "seconds": 0.01}]


async def test_house_keeping_that_fails_is_told_and_stops_no_other() -> None:
    stop = asyncio.Event()

    async def fail() -> None:
        raise ValueError("broken")

    async def end() -> None:
        stop.set()

    with capture_logs() as logs:
        async with asyncio.timeout(HANG_SECONDS):
            await run_periodically([fail, end], stop, interval=0.01)
    assert [(each["event"], each["log_level"]) for each in logs] == [("house-keeping failed", "error")]


def bus(told: list[Callable[[str], None]]) -> RedisReplicaBus:
    deaf: Any = SimpleNamespace(listen=lambda *_: None, on_interruption=lambda *_: None, on_loss=told.append)
    return RedisReplicaBus(ANY, replica="rep_a", subscriber=deaf, failure_detector=deaf)


async def test_a_notice_that_nobody_could_follow_is_told_and_the_next_is_followed() -> None:
    told, followed = list[Callable[[str], None]](), list[Notice]()
    notices = bus(told)

    async def follow(notice: Notice) -> None:
        if notice == ReplicaLost(replica="rep_b"):
            raise ValueError("broken")
        followed.append(notice)

    notices.listen(follow)
    running = asyncio.create_task(notices.run())
    with capture_logs() as logs:
        for replica in ("rep_b", "rep_c"):
            told[0](replica)
        await until(lambda: bool(followed))
    running.cancel()
    assert followed == [ReplicaLost(replica="rep_c")]
    assert [(each["event"], each["notice"]) for each in logs] == [
        ("notice not followed", repr(ReplicaLost(replica="rep_b")))
    ]


async def test_a_notice_that_is_dropped_is_told() -> None:
    told = list[Callable[[str], None]]()
    bus(told)
    with capture_logs() as logs:
        for _ in range(10_001):
            told[0]("rep_b")
    assert [(each["event"], each["notice"]) for each in logs] == [
        ("too many notices, one is dropped", repr(ReplicaLost(replica="rep_b")))
    ]


async def test_streams_that_can_not_be_shipped_stay_here_and_their_number_is_told() -> None:
    shown = list[tuple[str, int]]()

    class Stream(SimpleNamespace):
        __hash__ = object.__hash__

        @property
        def needs_writing(self) -> bool:
            raise ValueError("broken")

    streams: list[Any] = [Stream(stream_id=name, accepted=7, diverged=False) for name in ("strm_1", "strm_2")]
    writer = BatchWriter(ANY, on_written=lambda stream, last: shown.append((stream.stream_id, last)))
    running = asyncio.create_task(writer.run())
    with capture_logs() as logs:
        for stream in streams:
            writer.schedule(stream)
        await until(lambda: len(shown) == 2)
    running.cancel()
    assert shown == [("strm_1", 7), ("strm_2", 7)]
    assert [stream.diverged for stream in streams] == [True, True]
    assert [(each["event"], each["streams"]) for each in logs] == [
        ("shipping failed, these streams stay on this replica", 2)
    ]


async def test_a_replica_that_is_lost_is_named_once() -> None:
    class Link:
        async def probe(self, commands: object) -> list[object]:
            return [1, [b"rep_a", 1, b"rep_b", 1], 0]

    clock, link = ManualClock(start=NOW), Link()
    detector = FailureDetector(link, replica="rep_a", clock=clock)  # pyright: ignore[reportArgumentType]
    with capture_logs() as logs:
        for _ in range(12):
            await detector.send_heartbeat()
            clock.advance(LEASE_SECONDS / 4)
    assert logs == [{"event": "replica lost", "log_level": "warning", "replica": "rep_b"}]
