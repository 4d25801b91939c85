"""Two replicas that share a Redis and a database: whatever one makes can be read, stopped and counted at the other."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from typing import Any

import grpc.aio
import pytest
from penstock.chat.v1 import chat_pb2 as pb
from pydantic import SecretStr

from chat_stream_service.domain.model.event_log import StreamHeader
from chat_stream_service.domain.model.replica_bus import (
    ConversationDropped,
    EngineSwitched,
    ReaderCountChanged,
    ReplicaLost,
    StopRequested,
)
from chat_stream_service.main import drain
from penstock_kit.clock import SystemClock
from penstock_kit.context import Caller
from penstock_kit.errors import DeadlineExceeded, NotFound, Unavailable
from penstock_testkit.contracts.stream_law import assert_gapless, assert_whole
from penstock_testkit.services import Hang, Wait
from penstock_testkit.waiting import HANG_SECONDS, until

SECONDS = HANG_SECONDS


@pytest.fixture
async def replicas(chat_with: Callable[..., Any], redis_url: str) -> AsyncGenerator[tuple[Any, Any]]:
    """Two services on one Redis and one database, each with a model of its own."""
    async with AsyncExitStack() as stack:
        yield tuple(
            [await stack.enter_async_context(chat_with(grace=2, redis_url=SecretStr(redis_url))) for _ in range(2)]
        )


async def read_some(call: Any, count: int) -> list[pb.ChatEvent]:
    events: list[pb.ChatEvent] = []
    async with asyncio.timeout(SECONDS):
        while len(events) < count:
            events.extend((await call.read()).events)
    return events


async def read_rest(call: Any) -> list[pb.ChatEvent]:
    events: list[pb.ChatEvent] = []
    async with asyncio.timeout(SECONDS):
        while (message := await call.read()) is not grpc.aio.EOF:
            events.extend(message.events)
    return events


async def running_stream(chat: Any, **fields: Any) -> tuple[str, Hang, Any]:
    """Begin an answer that says "one " and then hangs; return its stream, the hang and the reader's call."""
    hang = Hang()
    chat.llm.rounds = [[*chat.says("one ")[:2], hang]]
    call = chat.ask(await chat.conversation(), **fields)
    return (await read_some(call, 1))[0].stream_id, hang, call


async def test_a_reader_goes_on_at_the_other_replica(replicas: tuple[Any, Any]) -> None:
    here, there = replicas
    gate = asyncio.Event()
    script = here.says("one ", "two ", "three")
    here.llm.rounds = [[*script[:2], Wait(gate), *script[2:]]]
    call = here.ask(await here.conversation())
    seen = await read_some(call, 1)
    call.cancel()
    resumed = asyncio.ensure_future(there.read(seen[0].stream_id, after=seen[-1].sequence))
    whole = asyncio.ensure_future(there.read(seen[0].stream_id))
    await until(lambda: there.services.statistics.active_connections == 2)
    gate.set()
    assert_gapless(await resumed, after=seen[-1].sequence)
    assert_whole(await whole)
    assert [*seen, *await resumed] == await whole
    assert await here.read(seen[0].stream_id) == await whole


async def test_stop_reaches_the_replica_that_makes_the_answer(replicas: tuple[Any, Any]) -> None:
    here, there = replicas
    stream_id, hang, call = await running_stream(here)
    stopped = await there.streams.StopStream(pb.StopStreamRequest(stream_id=stream_id))
    assert stopped.stopped
    async with asyncio.timeout(SECONDS):
        await hang.left.wait()
    assert (await read_rest(call))[-1].complete_state.finish_reason == "stopped"
    again = await there.streams.StopStream(pb.StopStreamRequest(stream_id=stream_id))
    assert not again.stopped


async def test_a_stop_of_an_answer_that_no_replica_ends_is_told_so_in_time(chat_with: Callable[..., Any]) -> None:
    async with chat_with(stop_seconds=0.05) as chat:
        header = StreamHeader(
            stream_id="stream_lost",
            conversation_id=await chat.conversation(),
            tenant_id="acme",
            user_id="ann",
            create_time=SystemClock().now(),
        )
        await chat.services.event_log.open(header)
        async with asyncio.timeout(SECONDS):
            with pytest.raises(DeadlineExceeded, match=r"has not ended within 0\.05 s; ask again") as late:
                await chat.streams.StopStream(pb.StopStreamRequest(stream_id="stream_lost"))
        assert late.value.reason == "STOP_TIMEOUT"


async def test_a_reader_elsewhere_keeps_an_answer_alive_and_its_leaving_ends_it(replicas: tuple[Any, Any]) -> None:
    here, there = replicas
    stream_id, hang, call = await running_stream(here, on_disconnect="cancel")
    remote_reader = there.streams.ReadStream(pb.ReadStreamRequest(stream_id=stream_id))
    await read_some(remote_reader, 1)
    # Heard when a second notice, sent after the first, has been followed.
    await there.streams.StopStream(pb.StopStreamRequest(stream_id=(await running_then_stopped(here))))
    call.cancel()
    await until(lambda: here.services.statistics.active_connections == 0)
    assert not hang.left.is_set()
    remote_reader.cancel()
    async with asyncio.timeout(SECONDS):
        await hang.left.wait()
    assert (await there.read(stream_id))[-1].complete_state.finish_reason == "disconnected"


async def test_readers_at_a_replica_that_is_lost_keep_no_answer_alive(replicas: tuple[Any, Any]) -> None:
    here, there = replicas
    stream_id, hang, call = await running_stream(here, on_disconnect="cancel")
    remote_reader = there.streams.ReadStream(pb.ReadStreamRequest(stream_id=stream_id))
    await read_some(remote_reader, 1)
    # Heard when a second notice, sent after the first, has been followed.
    await there.streams.StopStream(pb.StopStreamRequest(stream_id=(await running_then_stopped(here))))
    call.cancel()
    await until(lambda: here.services.statistics.active_connections == 0)
    assert not hang.left.is_set()
    streams = here.services.streams
    await streams._on_notice(ReplicaLost(replica=there.services.streams._bus.replica))
    async with asyncio.timeout(SECONDS):
        await hang.left.wait()
    assert (await here.read(stream_id))[-1].complete_state.finish_reason == "disconnected"
    remote_reader.cancel()


async def test_a_notice_of_a_stream_that_runs_elsewhere_or_no_more_changes_nothing(chat: Any) -> None:
    stream_id, hang, call = await running_stream(chat, on_disconnect="cancel")
    streams = chat.services.streams
    for notice in (
        StopRequested(stream_id="strm_gone"),
        ReaderCountChanged(stream_id="strm_gone", replica="other", readers=3),
        ReplicaLost(replica="other"),
        ConversationDropped(conversation_id="conv_gone"),
        EngineSwitched(),
    ):
        await streams._on_notice(notice)
    assert not hang.left.is_set()
    await streams._on_notice(StopRequested(stream_id=stream_id))
    assert (await read_rest(call))[-1].complete_state.finish_reason == "stopped"


async def running_then_stopped(chat: Any) -> str:
    """Return a running stream, to be stopped from elsewhere."""
    stream_id, _, _ = await running_stream(chat)
    return stream_id


async def test_the_same_request_at_both_replicas_is_one_answer(replicas: tuple[Any, Any]) -> None:
    here, there = replicas
    conversation = await here.conversation()
    first, second = await asyncio.gather(
        here.answer(conversation, request_id="r-1"), there.answer(conversation, request_id="r-1")
    )
    assert first == second
    assert_whole(first)
    assert len(here.llm.completions) + len(there.llm.completions) == 1


async def test_a_conversation_shows_what_runs_at_the_other_replica(replicas: tuple[Any, Any]) -> None:
    here, there = replicas
    stream_id, _, call = await running_stream(here)
    state = await there.streams.GetStream(pb.GetStreamRequest(stream_id=stream_id))
    assert (state.status, state.last_sequence) == ("running", 1)
    found = await there.conversations.GetConversation(pb.GetConversationRequest(id=state.conversation_id))
    assert found.conversation.active_stream_id == stream_id
    await there.streams.StopStream(pb.StopStreamRequest(stream_id=stream_id))
    found = await there.conversations.GetConversation(pb.GetConversationRequest(id=state.conversation_id))
    assert found.conversation.active_stream_id == ""
    await read_rest(call)


async def test_nobody_else_sees_a_stream_of_the_other_replica(
    replicas: tuple[Any, Any], bob: Caller, eve: Caller
) -> None:
    here, there = replicas
    stream_id, _, _ = await running_stream(here)
    for stranger in (bob, eve):
        async with there.as_caller(stranger):
            for refused in (
                there.read(stream_id),
                there.streams.StopStream(pb.StopStreamRequest(stream_id=stream_id)),
                there.streams.GetStream(pb.GetStreamRequest(stream_id=stream_id)),
            ):
                with pytest.raises(NotFound):
                    await refused


async def test_a_conversation_deleted_here_ends_and_goes_everywhere(replicas: tuple[Any, Any]) -> None:
    here, there = replicas
    stream_id, hang, _ = await running_stream(here)
    state = await there.streams.GetStream(pb.GetStreamRequest(stream_id=stream_id))
    await there.conversations.DeleteConversation(pb.DeleteConversationRequest(id=state.conversation_id))
    async with asyncio.timeout(SECONDS):
        await hang.left.wait()
    await until(lambda: here.services.statistics.active_streams == 0)
    for chat in replicas:
        with pytest.raises(NotFound):
            await chat.read(stream_id)


async def test_an_engine_switched_here_is_switched_there(replicas: tuple[Any, Any]) -> None:
    here, there = replicas
    there.services.engines.switch("chat_engine")
    names = [engine.name for engine in (await here.engines.ListEngines(pb.ListEnginesRequest())).engines]
    for name in reversed(names):
        await here.engines.SetCurrentEngine(pb.SetCurrentEngineRequest(name=name))
        await until(lambda name=name: there.services.engines.current == name)


async def test_a_draining_replica_sends_its_readers_to_the_other_and_finishes_its_answers(
    replicas: tuple[Any, Any],
) -> None:
    here, there = replicas
    gate, silent = asyncio.Event(), asyncio.Event()
    script = here.says("one ", "two ", "three")
    here.llm.rounds = [[*script[:2], Wait(gate), *script[2:]], [Wait(silent), *script]]
    conversation = await here.conversation()
    reading = here.ask(conversation)
    seen = await read_some(reading, 1)
    waiting = here.ask(await here.conversation())
    await until(lambda: here.services.statistics.active_connections == 2)
    drained = asyncio.ensure_future(drain(here.server, here.services, 8))
    with pytest.raises(Unavailable, match="read on from the last sequence") as sent_away:
        await read_rest(reading)
    assert sent_away.value.reason == "REPLICA_UNAVAILABLE"
    resumed = asyncio.ensure_future(there.read(seen[0].stream_id, after=seen[-1].sequence))
    gate.set()
    silent.set()
    rest = await resumed
    assert_whole([*seen, *rest])
    assert rest[-1].complete_state.content == "one two three"
    # The one that had nothing yet is told of its stream first, then sent away too.
    first = await read_some(waiting, 1)
    try:
        first += await read_rest(waiting)
    except Unavailable as error:
        assert error.reason == "REPLICA_UNAVAILABLE"
    rest = await there.read(first[0].stream_id, after=first[-1].sequence)
    assert_whole([*first, *rest])
    await drained


async def test_health_and_status_name_redis(replicas: tuple[Any, Any]) -> None:
    here, _ = replicas
    health = await here.streams.GetStreamHealth(pb.GetStreamHealthRequest())
    assert health.event_log == "redis"
    status = await here.streams.GetStatus(pb.GetStatusRequest())
    assert {component.name: component.state for component in status.components}["redis"] == "ok"
