"""The life of a stream: readers that come and go, stops, limits, the end of the service."""

import asyncio
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from penstock.chat.v1 import chat_pb2 as pb
from penstock.chat.v1 import chat_pb2_grpc

from penstock_kit.context import Caller
from penstock_kit.errors import InvalidArgument, NotFound, PermissionDenied, ResourceExhausted, Unavailable
from penstock_kit.grpc.call import EOF
from penstock_testkit.contracts.stream_law import assembled, assert_gapless, assert_whole
from penstock_testkit.narrow_channel import open_narrow_channel
from penstock_testkit.services import Fail, Hang, Wait
from penstock_testkit.waiting import HANG_SECONDS, until, until_true

SECONDS = HANG_SECONDS


async def first_events(call: Any, count: int) -> list[pb.ChatEvent]:
    """Read a call until `count` events are there, and leave it open."""
    events: list[pb.ChatEvent] = []
    async with asyncio.timeout(SECONDS):
        while len(events) < count:
            events.extend((await call.read()).events)
    return events


async def rest_of(call: Any) -> list[pb.ChatEvent]:
    """Read what is left of a call begun by `first_events`."""
    events: list[pb.ChatEvent] = []
    async with asyncio.timeout(SECONDS):
        while (message := await call.read()) is not EOF:
            events.extend(message.events)
    return events


def waiting_script(chat: Any, gate: asyncio.Event) -> list[Any]:
    script = chat.says("one ", "two ", "three")
    return [*script[:2], Wait(gate), *script[2:]]


async def test_a_reader_that_loses_the_connection_goes_on_where_it_was(chat: Any) -> None:
    gate = asyncio.Event()
    chat.llm.rounds = [waiting_script(chat, gate)]
    call = chat.ask(await chat.conversation())
    seen = await first_events(call, 1)
    call.cancel()
    resumed = asyncio.ensure_future(chat.read(seen[-1].stream_id, after=seen[-1].sequence))
    gate.set()
    rest = await resumed
    assert_gapless(rest, after=seen[-1].sequence)
    assert_whole([*seen, *rest])
    assert rest[-1].complete_state.content == "one two three"


async def test_an_answer_goes_on_without_readers_and_is_stored(chat: Any) -> None:
    gate = asyncio.Event()
    chat.llm.rounds = [waiting_script(chat, gate)]
    conversation = await chat.conversation()
    call = chat.ask(conversation)
    seen = await first_events(call, 1)
    call.cancel()
    await until(lambda: chat.services.statistics.active_connections == 0)
    gate.set()
    await until(lambda: chat.services.statistics.outcomes["completed"] == 1)
    assert (await chat.messages(conversation))[-1].content == "one two three"
    assert assembled(await chat.read(seen[0].stream_id))[0] == "one two three"


async def test_many_readers_see_the_same(chat: Any) -> None:
    gate = asyncio.Event()
    chat.llm.rounds = [waiting_script(chat, gate)]
    call = chat.ask(await chat.conversation())
    stream_id = (await first_events(call, 1))[0].stream_id
    async with asyncio.TaskGroup() as group:
        readers = [group.create_task(chat.read(stream_id)) for _ in range(10)]
        await until(lambda: chat.services.statistics.active_connections == 11)
        gate.set()
    whole = readers[0].result()
    assert_whole(whole)
    assert all(reader.result() == whole for reader in readers)


async def test_stop_cancels_the_provider_call_and_ends_with_what_was_said(chat: Any) -> None:
    hang = Hang()
    chat.llm.rounds = [[*chat.says("one ")[:2], hang]]
    conversation = await chat.conversation()
    call = chat.ask(conversation)
    seen = await first_events(call, 1)
    stopped = await chat.streams.StopStream(pb.StopStreamRequest(stream_id=seen[0].stream_id))
    assert stopped.stopped
    events = [*seen, *await rest_of(call)]
    assert_whole(events)
    last = events[-1].complete_state
    assert (last.status, last.content, last.finish_reason) == (pb.CompleteState.STATUS_STOPPED, "one ", "stopped")
    assert last.usage.estimated
    assert last.cost.source == "unknown"
    async with asyncio.timeout(SECONDS):
        await hang.left.wait()
    assert [message.status for message in await chat.messages(conversation)] == ["completed", "stopped"]
    again = await chat.streams.StopStream(pb.StopStreamRequest(stream_id=seen[0].stream_id))
    assert not again.stopped


async def test_stop_in_the_middle_of_a_tool_leaves_no_call_without_a_result(chat: Any) -> None:
    chat.feature.hold = asyncio.Event()
    chat.llm.rounds = [chat.calls(("device_statistics", '{"device_code": "A"}')), chat.says("And now?")]
    conversation = await chat.conversation()
    call = chat.ask(conversation)
    seen = await first_events(call, 1)
    await chat.streams.StopStream(pb.StopStreamRequest(stream_id=seen[0].stream_id))
    stored = await chat.messages(conversation)
    assert [(message.role, message.is_error) for message in stored] == [
        ("user", False),
        ("assistant", False),
        ("tool", True),
    ]
    await chat.answer(conversation, "Go on")
    assert len(chat.llm.completions[-1].messages) == 5


async def test_by_the_cancel_policy_the_last_reader_that_leaves_ends_the_answer(chat: Any) -> None:
    hang = Hang()
    chat.llm.rounds = [[*chat.says("one ")[:2], hang]]
    call = chat.ask(await chat.conversation(), on_disconnect="cancel")
    seen = await first_events(call, 1)
    call.cancel()
    async with asyncio.timeout(HANG_SECONDS):
        await hang.left.wait()
    events = await chat.read(seen[0].stream_id)
    assert_whole(events)
    assert events[-1].complete_state.finish_reason == "disconnected"


@pytest.mark.parametrize("chat_settings", [{"detach_seconds": 0.1}], indirect=True)
async def test_a_detached_answer_ends_when_nobody_comes_back(chat: Any) -> None:
    hang = Hang()
    chat.llm.rounds = [[*chat.says("one ")[:2], hang]]
    call = chat.ask(await chat.conversation())
    seen = await first_events(call, 1)
    call.cancel()
    await until(lambda: chat.services.statistics.outcomes["stopped"] == 1)
    assert (await chat.read(seen[0].stream_id))[-1].complete_state.status == pb.CompleteState.STATUS_STOPPED


async def test_nobody_else_sees_a_stream_or_its_conversation(chat: Any, bob: Caller, eve: Caller) -> None:
    conversation = await chat.conversation()
    events = await chat.answer(conversation, request_id="r-1")
    stream_id = events[0].stream_id
    for stranger in (bob, eve):
        async with chat.as_caller(stranger):
            for call in (
                chat.read(stream_id),
                chat.answer(conversation, request_id="r-1"),
                chat.streams.StopStream(pb.StopStreamRequest(stream_id=stream_id)),
                chat.streams.GetStream(pb.GetStreamRequest(stream_id=stream_id)),
                chat.conversations.GetConversation(pb.GetConversationRequest(id=conversation)),
                chat.messages(conversation),
                chat.conversations.UpdateConversation(pb.UpdateConversationRequest(id=conversation, title="mine")),
                chat.conversations.DeleteConversation(pb.DeleteConversationRequest(id=conversation)),
            ):
                with pytest.raises(NotFound):
                    await call
            listed = await chat.conversations.ListConversations(pb.ListConversationsRequest())
            assert not listed.conversations


async def test_nobody_else_sees_a_stream_that_the_log_forgot(chat: Any, eve: Caller) -> None:
    conversation = await chat.conversation()
    stream_id = (await chat.answer(conversation))[0].stream_id
    await chat.services.event_log.drop(conversation)
    async with chat.as_caller(eve):
        with pytest.raises(NotFound):
            await chat.read(stream_id)
    assert len(await chat.read(stream_id)) == 1


async def test_a_forgotten_stream_that_was_read_to_its_end_has_nothing_more(chat: Any) -> None:
    conversation = await chat.conversation()
    events = await chat.answer(conversation)
    await chat.services.event_log.drop(conversation)
    assert await chat.read(events[0].stream_id, after=len(events)) == []
    state = await chat.streams.GetStream(pb.GetStreamRequest(stream_id=events[0].stream_id))
    assert (state.status, state.last_sequence) == ("completed", len(events))


async def test_a_forgotten_failure_is_told_again_with_its_reason(chat: Any) -> None:
    chat.llm.rounds = [[*chat.says("half")[:2], Fail(Unavailable("no provider", reason="PROVIDER_UNAVAILABLE"))]]
    conversation = await chat.conversation()
    events = await chat.answer(conversation)
    await chat.services.event_log.drop(conversation)
    (again,) = await chat.read(events[0].stream_id)
    assert again.error == events[-1].error


async def test_a_stream_is_described_while_it_runs_and_after(chat: Any) -> None:
    gate = asyncio.Event()
    chat.llm.rounds = [waiting_script(chat, gate)]
    conversation = await chat.conversation()
    call = chat.ask(conversation)
    stream_id = (await first_events(call, 1))[0].stream_id
    running = await chat.streams.GetStream(pb.GetStreamRequest(stream_id=stream_id))
    assert (running.status, running.conversation_id, running.last_sequence) == ("running", conversation, 1)
    found = await chat.conversations.GetConversation(pb.GetConversationRequest(id=conversation))
    assert found.conversation.active_stream_id == stream_id
    gate.set()
    await rest_of(call)
    ended = await chat.streams.GetStream(pb.GetStreamRequest(stream_id=stream_id))
    assert ended.status == "completed"


async def test_a_sequence_that_was_never_reached_is_refused(chat: Any) -> None:
    events = await chat.answer(await chat.conversation())
    with pytest.raises(InvalidArgument, match="beyond"):
        await chat.read(events[0].stream_id, after=99)


async def test_deleting_a_conversation_stops_what_runs_in_it_and_leaves_nothing(chat: Any) -> None:
    hang = Hang()
    chat.llm.rounds = [[*chat.says("one ")[:2], hang]]
    conversation = await chat.conversation()
    call = chat.ask(conversation)
    stream_id = (await first_events(call, 1))[0].stream_id
    await chat.conversations.DeleteConversation(pb.DeleteConversationRequest(id=conversation))
    async with asyncio.timeout(SECONDS):
        await hang.left.wait()
    for gone in (
        chat.read(stream_id),
        chat.messages(conversation),
        chat.conversations.GetConversation(pb.GetConversationRequest(id=conversation)),
    ):
        with pytest.raises(NotFound):
            await gone


@pytest.mark.parametrize("chat_settings", [{"max_streams": 1}], indirect=True)
async def test_more_streams_than_allowed_are_refused_with_a_time_to_wait(chat: Any) -> None:
    gate = asyncio.Event()
    chat.llm.rounds = [waiting_script(chat, gate)]
    conversation = await chat.conversation()
    call = chat.ask(conversation)
    await first_events(call, 1)
    with pytest.raises(ResourceExhausted) as refused:
        await chat.answer(conversation)
    assert refused.value.retry_after
    gate.set()
    await rest_of(call)


async def test_a_drain_lets_answers_end_and_ends_late_ones_with_a_retryable_error(chat: Any) -> None:
    gate, hang = asyncio.Event(), Hang()
    chat.llm.rounds = [waiting_script(chat, gate), [*chat.says("late ")[:2], hang]]
    conversation = await chat.conversation()
    quick = chat.ask(conversation)
    seen = await first_events(quick, 1)
    late = chat.ask(await chat.conversation())
    late_seen = await first_events(late, 1)
    drained = asyncio.ensure_future(chat.services.streams.drain(0.3))
    await asyncio.sleep(0)
    gate.set()
    events, late_events = [*seen, *await rest_of(quick)], [*late_seen, *await rest_of(late)]
    await drained
    assert_whole(events)
    assert events[-1].complete_state.content == "one two three"
    assert_whole(late_events)
    assert (late_events[-1].error.reason, late_events[-1].error.retryable) == ("REPLICA_UNAVAILABLE", True)
    with pytest.raises(Unavailable, match="shutting down"):
        await chat.answer(conversation)


@pytest.mark.parametrize("chat_settings", [{"stop_seconds": 0.05}], indirect=True)
async def test_a_drain_gives_up_an_answer_whose_end_cannot_be_written(chat: Any, monkeypatch: Any) -> None:
    hang = Hang()
    chat.llm.rounds = [[*chat.says("late ")[:2], hang]]
    call = chat.ask(await chat.conversation())
    await first_events(call, 1)
    streams, statistics = chat.services.streams, chat.services.statistics
    settling = asyncio.Event()

    async def hang_for_ever(stream_id: str) -> None:
        settling.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(streams._log, "settle", hang_for_ever)
    async with asyncio.timeout(SECONDS):
        await streams.drain(0)
    assert settling.is_set()
    await until(lambda: statistics.active_streams == 0)
    assert dict(statistics.outcomes) == {"running": 1}
    call.cancel()


async def test_an_answer_is_counted_once_and_with_the_time_to_its_first_event(chat: Any) -> None:
    gate, statistics, now = asyncio.Event(), chat.services.statistics, asyncio.get_running_loop().time
    script = chat.says("one ", "two ", "three")
    chat.llm.rounds = [[script[0], Wait(gate), *script[1:]]]
    conversation = await chat.conversation()
    began = now()
    answer = asyncio.ensure_future(chat.answer(conversation))
    await until(lambda: chat.llm.completions != [])
    asked = now()
    await until(lambda: now() > asked + 0.05)
    gate.set()
    assert len(await answer) > 1
    assert sum(statistics.first_byte_buckets) == 1
    assert 0.05 <= statistics.first_byte_sum <= now() - began
    assert statistics.first_byte_quantile(0.5) == statistics.first_byte_sum


@pytest.mark.parametrize("chat_settings", [{"stale_seconds": 0.1}], indirect=True)
async def test_a_reader_that_takes_nothing_is_ended_and_counted(chat: Any) -> None:
    async def one_cleaned() -> bool:
        return await chat.services.readers.clean() == 1

    # More than such a channel takes ahead, so that the server's write has to wait for the reader.
    chat.llm.rounds = [chat.says(*["x" * 100_000] * 10)]
    request = pb.StreamChatRequest(conversation_id=await chat.conversation(), content="Hello?")
    async with open_narrow_channel(f"127.0.0.1:{chat.server.port}", service="chat-stream-service") as channel:
        call = chat_pb2_grpc.StreamServiceStub(channel).StreamChat(request)
        await first_events(call, 1)
        await until(lambda: chat.services.statistics.outcomes["completed"] == 1)
        await until_true(one_cleaned)
        assert chat.services.statistics.stale_cleaned == 1
        with pytest.raises(Unavailable, match="read on from the last sequence"):
            await rest_of(call)
    assert chat.services.statistics.active_connections == 0


async def test_health_numbers_add_up(chat: Any) -> None:
    conversation = await chat.conversation()
    await chat.answer(conversation)
    chat.llm.rounds = [[Fail(Unavailable("no provider", reason="PROVIDER_UNAVAILABLE"))]]
    await chat.answer(conversation)
    health = await chat.streams.GetStreamHealth(pb.GetStreamHealthRequest())
    assert (health.active_connections, health.active_streams, health.total_streams) == (0, 0, 2)
    assert dict(health.outcomes) == {"completed": 1, "error": 1}
    assert health.event_log == "memory"
    assert health.total_chunks == 2
    assert health.first_byte_p95.ToTimedelta() >= health.first_byte_p50.ToTimedelta()
    assert health.rss_bytes > 1_000_000


@pytest.mark.parametrize(
    ("chat_settings", "missing", "state"),
    [
        ({"llm_address": "127.0.0.1:1"}, "llm-service", "down"),
        ({"feature_address": "127.0.0.1:1"}, "feature-service", "degraded"),
        ({"cache_address": "127.0.0.1:1"}, "cache-service", "degraded"),
    ],
    indirect=["chat_settings"],
)
async def test_status_names_what_is_missing_and_what_that_means(chat: Any, missing: str, state: str) -> None:
    async with asyncio.timeout(HANG_SECONDS):
        status = await chat.streams.GetStatus(pb.GetStatusRequest())
    states = {component.name: component.state for component in status.components}
    services = dict.fromkeys(("database", "llm-service", "feature-service", "cache-service"), "ok")
    assert states == services | {missing: state}
    assert [component.name for component in status.components if component.detail] == [missing]


async def test_how_an_event_came_about_is_told_to_who_asks_for_it_and_to_nobody_else(chat: Any) -> None:
    conversation = await chat.conversation()
    plain = await chat.answer(conversation)
    assert len(plain) > 1
    assert not any(event.HasField("debug") for event in plain)
    assert not any(event.HasField("debug") for event in await chat.read(plain[0].stream_id))
    told = await chat.answer(conversation, debug=True)
    assert all(event.HasField("debug") for event in told)
    assert not any(event.HasField("debug") for event in await chat.read(told[0].stream_id))


async def test_the_engine_is_listed_and_only_an_operator_switches(chat: Any, bob: Caller) -> None:
    listed = await chat.engines.ListEngines(pb.ListEnginesRequest())
    assert [(engine.name, engine.current, engine.healthy) for engine in listed.engines] == [
        ("chat_engine", True, True),
        ("mem0_proxy", False, False),
    ]
    switched = await chat.engines.SetCurrentEngine(pb.SetCurrentEngineRequest(name="chat_engine"))
    assert (switched.current, switched.previous) == ("chat_engine", "chat_engine")
    with pytest.raises(NotFound, match="the engines are chat_engine"):
        await chat.engines.SetCurrentEngine(pb.SetCurrentEngineRequest(name="steam"))
    for caller in (bob, Caller(user_id="amy", tenant_id="acme", scopes=frozenset({"admin"}))):
        async with chat.as_caller(caller):
            with pytest.raises(PermissionDenied, match="scope 'operator'"):
                await chat.engines.SetCurrentEngine(pb.SetCurrentEngineRequest(name="chat_engine"))
            with pytest.raises(PermissionDenied, match="scope 'operator'"):
                await chat.streams.GetStreamHealth(pb.GetStreamHealthRequest())


async def test_an_answer_is_given_also_when_it_cannot_be_stored(chat: Any) -> None:
    conversation = await chat.conversation()
    with closing(sqlite3.connect(chat.settings.home / "chat.db")) as database, database:
        # Reading works, writing does not.
        database.execute("CREATE TRIGGER broken BEFORE INSERT ON messages BEGIN INSERT INTO nowhere VALUES (1); END")
    events = await chat.answer(conversation)
    assert_whole(events)
    assert events[-1].complete_state.content == "Hello world"
    assert not events[-1].complete_state.message_id
