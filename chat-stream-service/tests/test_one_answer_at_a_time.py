"""Of a conversation one question is answered at a time, on all replicas: the next one is refused, or waits."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from typing import Any

import grpc.aio
import pytest
from penstock.chat.v1 import chat_pb2 as pb
from pydantic import SecretStr

from penstock_kit.errors import Aborted, InvalidArgument, ResourceExhausted
from penstock_testkit.contracts.stream_law import assert_whole
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


async def first_event(call: Any) -> pb.ChatEvent:
    async with asyncio.timeout(SECONDS):
        while not (events := (await call.read()).events):
            pass
        return events[0]


async def rest_of(call: Any) -> list[pb.ChatEvent]:
    events: list[pb.ChatEvent] = []
    async with asyncio.timeout(SECONDS):
        while (message := await call.read()) is not grpc.aio.EOF:
            events.extend(message.events)
    return events


def slow(chat: Any, gate: asyncio.Event, *texts: str) -> Any:
    script = chat.says(*texts)
    return [*script[:2], Wait(gate), *script[2:]]


async def said(chat: Any, conversation: str) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in await chat.messages(conversation)]


async def test_a_second_question_is_refused_and_told_which_stream_runs(chat: Any) -> None:
    gate = asyncio.Event()
    chat.llm.rounds = [slow(chat, gate, "one ", "two"), chat.says("three")]
    conversation = await chat.conversation()
    running = chat.ask(conversation, "First?")
    stream_id = (await first_event(running)).stream_id
    for on_busy in ("", "refuse"):
        with pytest.raises(Aborted) as caught:
            await chat.answer(conversation, "Second?", on_busy=on_busy)
        assert caught.value.reason == "RUNNING_STREAM_EXISTS"
        assert caught.value.metadata["stream_id"] == stream_id
        assert stream_id in caught.value.message
    gate.set()
    await rest_of(running)
    await chat.answer(conversation, "Third?")
    assert await said(chat, conversation) == [
        ("user", "First?"),
        ("assistant", "one two"),
        ("user", "Third?"),
        ("assistant", "three"),
    ]


async def test_a_refused_question_costs_no_model_call_and_leaves_no_trace(chat: Any) -> None:
    hang = Hang()
    chat.llm.rounds = [[*chat.says("one ")[:2], hang]]
    conversation = await chat.conversation()
    running = chat.ask(conversation)
    stream_id = (await first_event(running)).stream_id
    with pytest.raises(Aborted):
        await chat.answer(conversation, "Second?")
    assert len(chat.llm.completions) == 1
    await chat.streams.StopStream(pb.StopStreamRequest(stream_id=stream_id))
    assert [content for _, content in await said(chat, conversation)] == ["Hello?", "one "]


async def test_other_conversations_of_the_same_user_are_answered_meanwhile(chat: Any) -> None:
    gate = asyncio.Event()
    chat.llm.rounds = [slow(chat, gate, "one ", "two"), chat.says("quick")]
    running = chat.ask(await chat.conversation())
    await first_event(running)
    assert_whole(await chat.answer(await chat.conversation()))
    gate.set()
    await rest_of(running)


async def test_the_same_request_repeated_is_the_running_stream_and_no_second_question(chat: Any) -> None:
    gate = asyncio.Event()
    chat.llm.rounds = [slow(chat, gate, "one ", "two")]
    conversation = await chat.conversation()
    running = chat.ask(conversation, request_id="r")
    first = await first_event(running)
    again = chat.ask(conversation, request_id="r")
    assert (await first_event(again)).stream_id == first.stream_id
    gate.set()
    assert (await rest_of(again))[-1].complete_state.content == "one two"


async def test_questions_that_wait_are_answered_in_their_order_and_pairs_never_interleave(chat: Any) -> None:
    gate = asyncio.Event()
    chat.llm.rounds = [slow(chat, gate, "a1 ", "a2"), chat.says("b"), chat.says("c")]
    conversation = await chat.conversation()
    first = chat.ask(conversation, "A?")
    await first_event(first)
    waiting = []
    for number, text in enumerate(("B?", "C?"), 1):
        waiting.append(asyncio.ensure_future(chat.answer(conversation, text, on_busy="wait")))
        await until(lambda number=number: chat.services.streams.waiting == number)
    assert len(chat.llm.completions) == 1
    gate.set()
    for events in await asyncio.gather(*waiting):
        assert_whole(events)
    assert await said(chat, conversation) == [
        ("user", "A?"),
        ("assistant", "a1 a2"),
        ("user", "B?"),
        ("assistant", "b"),
        ("user", "C?"),
        ("assistant", "c"),
    ]
    assert [part.text for message in chat.llm.completions[2].messages[1:] for part in message.parts] == [
        "A?", "a1 a2", "B?", "b", "C?",
    ]  # fmt: skip


async def test_no_more_than_a_few_questions_wait_and_one_that_leaves_makes_room(chat: Any) -> None:
    gate = asyncio.Event()
    chat.llm.rounds = [slow(chat, gate, "one ", "two"), *[chat.says("later")] * 9]
    conversation = await chat.conversation()
    running = chat.ask(conversation)
    await first_event(running)
    waiting = [chat.ask(conversation, on_busy="wait") for _ in range(8)]
    await until(lambda: chat.services.streams.waiting == 8)
    with pytest.raises(ResourceExhausted) as caught:
        await chat.answer(conversation, on_busy="wait")
    assert caught.value.reason == "QUESTIONS_LIMIT_EXCEEDED"
    waiting.pop().cancel()
    await until(lambda: chat.services.streams.waiting == 7)
    late = chat.ask(conversation, on_busy="wait")
    await until(lambda: chat.services.streams.waiting == 8)
    gate.set()
    for call in (*waiting, late):
        assert_whole(await chat.events(call))


@pytest.mark.parametrize("chat_settings", [{"max_streams": 2}], indirect=True)
async def test_questions_that_wait_take_room_as_streams_that_run_do(chat: Any) -> None:
    gate = asyncio.Event()
    chat.llm.rounds = [slow(chat, gate, "one ", "two"), chat.says("three")]
    conversation = await chat.conversation()
    running = chat.ask(conversation, "First?")
    await first_event(running)
    waiting = asyncio.create_task(chat.answer(conversation, "Second?", on_busy="wait"))
    await until(lambda: chat.services.streams.waiting == 1)
    with pytest.raises(ResourceExhausted) as refused:
        await chat.answer(await chat.conversation(), "Third?")
    assert (refused.value.reason, refused.value.retry_after) == ("STREAMS_LIMIT_EXCEEDED", 1)
    gate.set()
    await rest_of(running)
    assert (await waiting)[-1].complete_state.content == "three"
    await chat.answer(await chat.conversation(), "Fourth?")


@pytest.mark.parametrize("chat_settings", [{"busy_wait_seconds": 0.2}], indirect=True)
async def test_a_question_waits_no_longer_than_its_time(chat: Any) -> None:
    hang = Hang()
    chat.llm.rounds = [[*chat.says("one ")[:2], hang]]
    conversation = await chat.conversation()
    running = chat.ask(conversation)
    stream_id = (await first_event(running)).stream_id
    with pytest.raises(Aborted) as caught:
        await chat.answer(conversation, on_busy="wait")
    assert caught.value.metadata["stream_id"] == stream_id
    await chat.streams.StopStream(pb.StopStreamRequest(stream_id=stream_id))


async def test_a_policy_that_there_is_not_is_named(chat: Any) -> None:
    with pytest.raises(InvalidArgument, match="on_busy is 'queue'; refuse and wait are known"):
        await chat.answer(await chat.conversation(), on_busy="queue")


async def test_a_stop_works_from_the_moment_of_asking_on(chat: Any) -> None:
    hang = Hang()
    chat.llm.rounds = [[hang]]
    conversation = await chat.conversation()
    asking = chat.ask(conversation)
    async with asyncio.timeout(SECONDS):
        await hang.reached.wait()
    found = await chat.conversations.GetConversation(pb.GetConversationRequest(id=conversation))
    stream_id = found.conversation.active_stream_id
    assert (await chat.streams.StopStream(pb.StopStreamRequest(stream_id=stream_id))).stopped
    async with asyncio.timeout(SECONDS):
        await hang.left.wait()
    events = await chat.events(asking)
    assert (events[-1].complete_state.status, len(events)) == (pb.CompleteState.STATUS_STOPPED, 1)


async def test_on_two_replicas_too_a_second_question_is_refused_or_waits(replicas: tuple[Any, Any]) -> None:
    here, there = replicas
    gate = asyncio.Event()
    here.llm.rounds = [slow(here, gate, "one ", "two")]
    there.llm.rounds = [there.says("three")]
    conversation = await here.conversation()
    running = here.ask(conversation, "First?", request_id="a")
    stream_id = (await first_event(running)).stream_id
    for request_id in ("", "b"):
        with pytest.raises(Aborted) as caught:
            await there.answer(conversation, "Second?", request_id=request_id)
        assert caught.value.metadata["stream_id"] == stream_id
    waiting = asyncio.ensure_future(there.answer(conversation, "Third?", request_id="c", on_busy="wait"))
    await until(lambda: there.services.streams.waiting == 1)
    gate.set()
    assert_whole(await waiting)
    assert await said(here, conversation) == [
        ("user", "First?"),
        ("assistant", "one two"),
        ("user", "Third?"),
        ("assistant", "three"),
    ]
