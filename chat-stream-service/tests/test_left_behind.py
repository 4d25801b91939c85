"""What a replica leaves when it dies, loses Redis or lets a client go, told on clocks of the test."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from chat_stream_service.adapters.memory_clients import MemoryClientDirectory, MemoryFeed
from chat_stream_service.adapters.redis.failure_detector import LEASE_SECONDS, FailureDetector
from chat_stream_service.domain.clients.client import Client
from chat_stream_service.domain.clients.service import ClientService
from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.conversation_store import StreamRecord
from chat_stream_service.domain.model.event import ChatEvent, CompleteState, EventBody, MessageChunk, Status, Thinking
from chat_stream_service.domain.model.event_log import StreamHeader
from chat_stream_service.domain.model.message import Message
from chat_stream_service.domain.stream.lost_stream import LostStream, LostStreamRecovery
from penstock_kit.ids import new_id
from penstock_kit.redis.link import RedisLink
from penstock_testkit.clock import ManualClock
from penstock_testkit.servers.process import free_port
from penstock_testkit.servers.redis import OwnRedis
from penstock_testkit.waiting import until, until_true

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ANN = Owner(tenant_id="acme", user_id="ann")
HEADER = StreamHeader(
    stream_id="strm_1", conversation_id="conv_1", tenant_id="acme", user_id="ann", create_time=NOW, request_id=""
)


def event(sequence: int, body: EventBody) -> ChatEvent:
    return ChatEvent(stream_id="strm_1", conversation_id="conv_1", sequence=sequence, create_time=NOW, body=body)


class Lost:
    """One lost stream, and what its recovery wrote and stored."""

    def __init__(self, *events: ChatEvent) -> None:
        self._streams = [LostStream(header=HEADER, events=events)]
        self.appended: list[ChatEvent] = []
        self.stored: list[Message] = []

    async def claim(self) -> Sequence[LostStream]:
        claimed, self._streams = self._streams, []
        return claimed

    async def append(self, events: Sequence[ChatEvent]) -> None:
        self.appended += events

    async def end_stream(self, record: StreamRecord, messages: Sequence[Message]) -> None:
        self.stored += messages


@pytest.mark.parametrize(
    "events",
    [
        (
            event(7, CompleteState(status=Status.RUNNING, content="It is ", thinking="Let me ")),
            event(8, Thinking(content="see.")),
            event(9, MessageChunk(content="warm")),
        ),
        (
            event(1, Thinking(content="Let me see.")),
            event(2, MessageChunk(content="It is ")),
            event(3, MessageChunk(content="warm")),
        ),
    ],
    ids=["trimmed", "whole"],
)
async def test_text_and_thoughts_of_a_lost_stream_are_stored(events: tuple[ChatEvent, ...]) -> None:
    lost = Lost(*events)
    found = cast(Any, lost)
    await LostStreamRecovery(
        lost=found, event_log=found, store=found, clock=ManualClock(start=NOW), new_id=new_id
    ).recover()
    (message,) = lost.stored
    assert (message.content, message.thinking, message.status) == ("It is warm", "Let me see.", "error")
    (end,) = lost.appended
    assert (end.sequence, end.is_terminal) == (events[-1].sequence + 1, True)


async def test_a_lost_stream_has_its_end_before_a_slow_store_has_it() -> None:
    class Slow(Lost):
        def __init__(self, *events: ChatEvent) -> None:
            super().__init__(*events)
            self.go_on = asyncio.Event()

        async def end_stream(self, record: StreamRecord, messages: Sequence[Message]) -> None:
            await self.go_on.wait()
            await super().end_stream(record, messages)

    lost = Slow(event(1, MessageChunk(content="It is ")))
    found = cast(Any, lost)
    recovery = LostStreamRecovery(lost=found, event_log=found, store=found, clock=ManualClock(start=NOW), new_id=new_id)
    recovering = asyncio.create_task(recovery.recover())
    await until(lambda: bool(lost.appended))
    assert lost.stored == []
    lost.go_on.set()
    await recovering
    assert [message.content for message in lost.stored] == ["It is "]


@pytest.fixture
def redis() -> Iterator[OwnRedis]:
    own = OwnRedis(port=free_port())
    own.start()
    yield own
    own.stop()


async def test_after_an_outage_a_replica_has_a_whole_lease_to_show_itself(redis: OwnRedis) -> None:
    clock = ManualClock(start=NOW)
    links = [RedisLink(redis.url, clock=ManualClock(start=NOW)) for _ in range(2)]
    here, there = (
        FailureDetector(link, replica=name, clock=clock) for name, link in zip(("rep_a", "rep_b"), links, strict=True)
    )
    await there.send_heartbeat()

    async def look(times: int) -> None:
        for _ in range(times):
            await here.send_heartbeat()
            clock.advance(LEASE_SECONDS / 10)

    await look(5)
    redis.running.hang()
    await here.send_heartbeat()  # no answer: nobody can be told to be silent
    clock.advance(10 * LEASE_SECONDS)
    redis.running.resume()
    try:
        await look(8)
        assert here.lost_replicas == ()
        await look(8)
        assert here.lost_replicas == ("rep_b",)
    finally:
        for link in links:
            await link.close()


async def test_a_replica_that_a_client_left_for_another_does_not_call_it_gone() -> None:
    directory = MemoryClientDirectory()
    service = ClientService(
        directory=directory, feed=MemoryFeed(new_id=new_id), streams=cast(Any, None), replica="rep_a",
        clock=ManualClock(start=NOW), new_id=new_id,
    )  # fmt: skip
    client = Client(id="phone", owner=ANN, name="", kind="", create_time=NOW, last_seen_time=NOW, replica="")
    await directory.put(client)

    async def deliver(*_: Any) -> None:
        pass

    async def shows_here() -> bool:
        return (await directory.get(ANN, "phone")).replica == "rep_a"

    async def left(*, moved: bool) -> str:
        watching = asyncio.create_task(service.watch(ANN, "phone", cursor="", deliver=deliver))
        await until_true(shows_here)
        if moved:
            await directory.put(replace(client, replica="rep_b"))
        watching.cancel()
        await asyncio.wait([watching])
        return (await directory.get(ANN, "phone")).replica

    assert await left(moved=False) == ""
    assert await left(moved=True) == "rep_b"
