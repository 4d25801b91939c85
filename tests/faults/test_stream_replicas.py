"""Two chat-stream processes, and what becomes of the streams when one is killed, stopped, paused, or Redis is."""

import asyncio
import signal
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from penstock.chat.v1 import chat_pb2 as pb
from penstock.llm.v1 import llm_pb2_grpc

from penstock_kit.context import CallContext, use_context
from penstock_testkit.contracts.stream_law import assembled, assert_gapless, assert_whole
from penstock_testkit.servers.fault_proxy import FaultProxy
from penstock_testkit.servers.process import free_port
from penstock_testkit.services import FakeLlm, Hang, Step, Wait, answer_events, serve
from penstock_testkit.waiting import HANG_SECONDS, assert_within, until
from tests.faults.stream_replica import ANN, OwnRedis, Reader, Replica, first_event, gated, replica

Start = Callable[..., Any]


@pytest.fixture
def redis() -> Iterator[OwnRedis]:
    own = OwnRedis()
    yield own
    own.process.stop()


@pytest.fixture
async def llm() -> AsyncGenerator[tuple[FakeLlm, str]]:
    fake = FakeLlm()
    async with serve((llm_pb2_grpc.add_LlmServiceServicer_to_server, fake)) as address:
        yield fake, address


@pytest.fixture
async def start(tmp_path: Path, llm: tuple[FakeLlm, str]) -> AsyncGenerator[Start]:
    async with AsyncExitStack() as stack:
        stack.enter_context(use_context(CallContext(request_id="req_f", caller=ANN)))

        async def started(**settings: str) -> Replica:
            return await stack.enter_async_context(replica(tmp_path / "home", llm[1], **settings))

        yield started


async def test_a_stream_whose_replica_is_killed_is_read_on_and_ended_at_the_other(
    redis: OwnRedis, llm: tuple[FakeLlm, str], start: Start
) -> None:
    llm[0].script = [*answer_events("one ", "two ")[:3], Hang()]
    here, there = await asyncio.gather(start(REDIS_URL=redis.url), start(REDIS_URL=redis.url))
    conversation = await here.conversation()
    stream_id = (await first_event(here.ask(conversation)))[0].stream_id
    moving = Reader(here.read(stream_id), [there])
    distant = Reader(there.read(stream_id), [there])
    await until(lambda: all(assembled(reader.events)[0] == "one two " for reader in (moving, distant)))
    await stored_messages(there, conversation, at_least=1)
    here.send(signal.SIGKILL)
    killed = time.monotonic()
    for reader in (moving, distant):
        events = await reader.task
        assert_whole(events)
        assert (events[-1].error.reason, events[-1].error.retryable) == ("STREAM_INTERRUPTED", True)
        assert events[-1].error.partial_content == "one two "
    assert_within(time.monotonic() - killed, 3)
    assert moving.causes == ["SERVICE_UNAVAILABLE"]
    assert distant.causes == []
    stored = await stored_messages(there, conversation)
    assert [(message.role, message.content, message.status) for message in stored] == [
        ("user", "Hello?", "completed"),
        ("assistant", "one two ", "error"),
    ]


async def stored_messages(at: Replica, conversation: str, *, at_least: int = 2) -> Sequence[pb.Message]:
    """Return a conversation's messages when there are as many: question and answer are stored beside the stream."""
    async with asyncio.timeout(HANG_SECONDS):
        while True:
            request = pb.ListMessagesRequest(conversation_id=conversation)
            messages = list((await at.conversations.ListMessages(request)).messages)
            if len(messages) >= at_least:
                return messages
            await asyncio.sleep(0.02)


async def test_a_replica_paused_beyond_its_lease_gives_up_its_streams(
    redis: OwnRedis, llm: tuple[FakeLlm, str], start: Start
) -> None:
    gate = asyncio.Event()
    llm[0].script = gated(gate, "one ", "two ", "three")
    here, there = await asyncio.gather(start(REDIS_URL=redis.url), start(REDIS_URL=redis.url))
    conversation = await here.conversation()
    call = here.ask(conversation)
    seen = await first_event(call)
    distant = Reader(there.read(seen[0].stream_id), [there])
    await stored_messages(there, conversation, at_least=1)
    here.send(signal.SIGSTOP)
    ended = await distant.task
    assert ended[-1].error.reason == "STREAM_INTERRUPTED"
    gate.set()
    here.send(signal.SIGCONT)
    own = Reader(call, [here])
    await own.task
    assert [*seen, *own.events] == ended, "its own readers are told the same end"
    assert await Reader(here.read(seen[0].stream_id), [here]).task == ended
    await until(lambda: "stream given up" in here.output())
    stored = await stored_messages(there, conversation)
    assert [(message.role, message.content, message.status) for message in stored][1:] == [
        ("assistant", "one ", "error")
    ]


async def test_a_drain_truncates_no_stream_and_sends_its_readers_to_the_other_replica(
    redis: OwnRedis, llm: tuple[FakeLlm, str], start: Start
) -> None:
    gate = asyncio.Event()
    llm[0].script = gated(gate, "one ", "two ", "three")
    here, there = await asyncio.gather(
        start(REDIS_URL=redis.url, PENSTOCK_GRACE_SECONDS="6"), start(REDIS_URL=redis.url)
    )
    readers = [Reader(here.ask(await here.conversation()), [there]) for _ in range(100)]
    await until(lambda: all(reader.events for reader in readers))
    here.send(signal.SIGTERM)
    await until(lambda: all(reader.causes for reader in readers), seconds=HANG_SECONDS)
    gate.set()
    for reader in readers:
        events = await reader.task
        assert_whole(events)
        assert events[-1].complete_state.content == "one two three"
        assert set(reader.causes) == {"REPLICA_UNAVAILABLE"}
    assert await here.ended(seconds=6) == 0


async def test_a_drain_without_redis_lets_readers_stay_to_the_end(llm: tuple[FakeLlm, str], start: Start) -> None:
    gate = asyncio.Event()
    here = await start(PENSTOCK_GRACE_SECONDS="4")
    llm[0].script = gated(gate, "one ", "two ", "three")
    readers = [Reader(here.ask(await here.conversation()), []) for _ in range(50)]
    await until(lambda: all(reader.events for reader in readers))
    llm[0].script = [*answer_events("late ")[:2], Hang()]
    late = Reader(here.ask(await here.conversation()), [])
    await until(lambda: bool(late.events))
    here.send(signal.SIGTERM)
    gate.set()
    for reader in readers:
        events = await reader.task
        assert_whole(events)
        assert events[-1].complete_state.content == "one two three"
    assert (await late.task)[-1].error.reason == "REPLICA_UNAVAILABLE"
    assert await here.ended(seconds=4) == 0


@pytest.mark.parametrize("fault", ["kill", "hang"])
async def test_readers_lose_nothing_when_redis_goes_in_the_middle(
    redis: OwnRedis, llm: tuple[FakeLlm, str], start: Start, fault: str
) -> None:
    texts = [f"{number} " for number in range(300)]
    gates = [asyncio.Event() for _ in range(3)]
    script: list[Step] = list(answer_events(*texts))
    for place, gate in zip((250, 150, 50), reversed(gates), strict=True):
        script.insert(place, Wait(gate))
    llm[0].script = script
    here = await start(REDIS_URL=redis.url)
    readers = [Reader(here.ask(await here.conversation()), [here]) for _ in range(20)]
    await until(lambda: all(reader.events for reader in readers))
    getattr(redis.process, fault)()
    gates[0].set()
    # All of them get what is said now, though Redis does not.
    took = await until(lambda: all(reader.events[-1].sequence >= 145 for reader in readers), seconds=HANG_SECONDS)
    assert_within(took, 2)
    redis.restart() if fault == "kill" else redis.process.resume()
    gates[1].set()
    await until(lambda: "redis is back" in here.output(), seconds=HANG_SECONDS)
    gates[2].set()
    for reader in readers:
        events = await reader.task
        assert_whole(events)
        assert events[-1].complete_state.content == "".join(texts)
        assert reader.causes == []
    assert here.output().count("redis is away") == 1
    # And what Redis missed it was told later: another replica has it all.
    there = await start(REDIS_URL=redis.url)
    again = await Reader(there.read(readers[0].events[0].stream_id), [there]).task
    assert_gapless(again)
    assert assembled(again)[0] == "".join(texts)


async def test_an_answer_that_ends_while_postgresql_is_away_is_stored_when_it_is_back(
    llm: tuple[FakeLlm, str], start: Start, postgres_url: str
) -> None:
    proxy, gate = FaultProxy(postgres_url), asyncio.Event()
    await proxy.open()
    here = await start(DATABASE_URL=proxy.url, CHAT_CLEAN_SECONDS="0.5")
    llm[0].script = gated(gate, "one ", "two")
    conversation = await here.conversation()
    reader = Reader(here.ask(conversation), [])
    await stored_messages(here, conversation, at_least=1)
    await proxy.cut()
    gate.set()
    events = await reader.task
    assert_whole(events)
    assert (events[-1].complete_state.content, events[-1].complete_state.message_id) == ("one two", "")
    await proxy.open()
    stored = await stored_messages(here, conversation)
    assert [(message.role, message.content) for message in stored] == [("user", "Hello?"), ("assistant", "one two")]
    await proxy.cut()


async def test_a_replica_started_without_redis_serves_and_says_what_is_missing(start: Start) -> None:
    here = await start(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    events = await Reader(here.ask(await here.conversation()), []).task
    assert_whole(events)
    assert events[-1].complete_state.content == "Hello world"
    status = await here.streams.GetStatus(pb.GetStatusRequest())
    states = {component.name: (component.state, component.detail) for component in status.components}
    assert states["redis"][0] == "degraded"
    assert "127.0.0.1" in states["redis"][1]
