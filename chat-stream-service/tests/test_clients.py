"""A user's clients: registered, present, and given the events of the user's conversations on whatever replica."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from penstock.chat.v1 import chat_pb2 as pb
from pydantic import SecretStr

from chat_stream_service.adapters.memory_clients import MemoryClientDirectory, MemoryFeed
from chat_stream_service.adapters.memory_stream import LogLimits
from chat_stream_service.adapters.redis.replica import RedisReplica
from chat_stream_service.domain.clients.client import Client
from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.feed import Announcement
from chat_stream_service.main import drain
from penstock_kit.clock import SystemClock
from penstock_kit.context import Caller
from penstock_kit.errors import FailedPrecondition, InvalidArgument, NotFound, ResourceExhausted, Unavailable
from penstock_kit.redis.link import RedisLink
from penstock_testkit.contracts.stream_law import assert_whole
from penstock_testkit.services import Hang, Wait
from penstock_testkit.waiting import HANG_SECONDS

SECONDS = HANG_SECONDS
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ANN = Owner(tenant_id="acme", user_id="ann")
BOB = Owner(tenant_id="acme", user_id="bob")
# The same characters, cut elsewhere.
NEAR_ANN = Owner(tenant_id="acme:a", user_id="nn")


def client(client_id: str = "cli_1", *, owner: Owner = ANN, **fields: Any) -> Client:
    given = {"name": "tab", "kind": "web", "create_time": NOW, "last_seen_time": NOW} | fields
    return Client(id=client_id, owner=owner, **given)


async def take(reading: Any, count: int) -> list[str]:
    """Return the ids of the next streams of a feed that is being read."""
    streams: list[str] = []
    async with asyncio.timeout(SECONDS):
        while len(streams) < count:
            streams += [item.stream_id for item in await anext(reading)]
    return streams


class ClientContract:
    """What a directory and a feed do, whatever holds them. A subclass provides `directory` and `feed`."""

    async def test_a_client_is_what_was_put_last(self, directory: Any) -> None:
        await directory.put(client())
        seen = client(name="tablet", replica="rep_1", last_seen_time=NOW + timedelta(seconds=1.5))
        await directory.put(seen)
        assert await directory.get(ANN, "cli_1") == seen
        await directory.put(client("cli_0"))
        assert [each.id for each in await directory.all_of(ANN)] == ["cli_0", "cli_1"]

    async def test_a_client_is_its_users_alone(self, directory: Any) -> None:
        await directory.put(client())
        for stranger in (BOB, NEAR_ANN):
            assert await directory.all_of(stranger) == []
            for refused in (directory.get(stranger, "cli_1"), directory.remove(stranger, "cli_1")):
                with pytest.raises(NotFound, match="cli_1"):
                    await refused
        await directory.remove(ANN, "cli_1")
        with pytest.raises(NotFound):
            await directory.get(ANN, "cli_1")

    async def test_a_feed_is_read_from_its_newest_on(self, feed: Any) -> None:
        await feed.announce(ANN, Announcement(stream_id="strm_0"))
        async with aclosing(feed.read(ANN, after=await feed.newest(ANN))) as reading:
            waiting = asyncio.ensure_future(take(reading, 2))
            await asyncio.sleep(0)
            for name in ("strm_1", "strm_2"):
                await feed.announce(ANN, Announcement(stream_id=name, client_id="cli_1"))
            assert await waiting == ["strm_1", "strm_2"]

    async def test_a_feed_that_has_not_begun_is_read_from_its_first(self, feed: Any) -> None:
        position = await feed.newest(ANN)
        await feed.announce(BOB, Announcement(stream_id="strm_of_bob"))
        await feed.announce(ANN, Announcement(stream_id="strm_1", client_id="cli_1"))
        async with aclosing(feed.read(ANN, after=position)) as reading:
            (first,) = await anext(reading)
        assert (first.stream_id, first.client_id) == ("strm_1", "cli_1")

    async def test_every_position_is_one_to_go_on_from(self, feed: Any) -> None:
        position = await feed.newest(ANN)
        names = [f"strm_{number}" for number in range(5)]
        for name in names:
            await feed.announce(ANN, Announcement(stream_id=name))
        async with aclosing(feed.read(ANN, after=position)) as reading:
            announced = list(await anext(reading))
        assert [item.stream_id for item in announced] == names
        for number, item in enumerate(announced[:-1], 1):
            async with aclosing(feed.read(ANN, after=item.position)) as reading:
                assert await take(reading, 5 - number) == names[number:]

    async def test_many_read_one_feed(self, feed: Any) -> None:
        position = await feed.newest(ANN)
        async with AsyncExitStack() as stack:
            readings = [await stack.enter_async_context(aclosing(feed.read(ANN, after=position))) for _ in range(3)]
            waiting = [asyncio.ensure_future(take(reading, 1)) for reading in readings]
            await asyncio.sleep(0)
            await feed.announce(ANN, Announcement(stream_id="strm_1"))
            assert [await each for each in waiting] == [["strm_1"]] * 3

    @pytest.mark.parametrize("position", ["", "feed_x:1", "nonsense"])
    async def test_a_position_of_another_feed_is_expired(self, feed: Any, position: str) -> None:
        await feed.announce(ANN, Announcement(stream_id="strm_1"))
        with pytest.raises(FailedPrecondition, match="empty cursor"):
            await take(feed.read(ANN, after=position), 1)

    async def test_a_position_whose_next_is_not_kept_any_more_is_expired(self, feed: Any) -> None:
        position = await feed.newest(ANN)
        for number in range(1001):
            await feed.announce(ANN, Announcement(stream_id=f"strm_{number}"))
        with pytest.raises(FailedPrecondition, match="empty cursor"):
            await take(feed.read(ANN, after=position), 1)


class TestMemory(ClientContract):
    @pytest.fixture
    def directory(self) -> MemoryClientDirectory:
        return MemoryClientDirectory()

    @pytest.fixture
    def feed(self) -> MemoryFeed:
        return MemoryFeed(new_id=lambda prefix: f"{prefix}_1")


class Two:
    """Writes at one replica, reads at the other."""

    def __init__(self, here: Any, there: Any) -> None:
        self.put, self.announce = (getattr(here, name, None) for name in ("put", "announce"))
        for name in ("get", "all_of", "remove", "newest", "read"):
            setattr(self, name, getattr(there, name, None))


class TestRedis(ClientContract):
    @pytest.fixture
    async def replicas(self, redis_url: str) -> AsyncGenerator[list[RedisReplica]]:
        async with AsyncExitStack() as stack:
            made: list[RedisReplica] = []
            for name in ("rep_a", "rep_b"):
                link = RedisLink(redis_url, clock=SystemClock())
                stack.push_async_callback(link.close)
                replica = RedisReplica(link, replica=name, limits=LogLimits(), clock=SystemClock())
                made.append(replica)
                await stack.enter_async_context(replica.run())
            yield made

    @pytest.fixture
    def directory(self, replicas: list[RedisReplica]) -> Two:
        return Two(replicas[0].directory, replicas[1].directory)

    @pytest.fixture
    def feed(self, replicas: list[RedisReplica]) -> Two:
        return Two(replicas[0].feed, replicas[1].feed)


class Watcher:
    """One connection of a client; keeps what it was given."""

    def __init__(self, chat: Any, client_id: str, cursor: str = "") -> None:
        self.events: list[pb.ChatEvent] = []
        self.cursor = cursor
        self.begun = asyncio.Event()
        self._changed = asyncio.Event()
        self.call = chat.clients.WatchClient(pb.WatchClientRequest(client_id=client_id, cursor=cursor))
        self.task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        async for message in self.call:
            self.events.extend(message.events)
            self.cursor = message.cursor
            self.begun.set()
            self._changed.set()

    async def until(self, condition: Callable[[list[pb.ChatEvent]], bool]) -> list[pb.ChatEvent]:
        async with asyncio.timeout(SECONDS):
            while not condition(self.events):
                self._changed.clear()
                await self._changed.wait()
        return self.events

    async def leave(self) -> None:
        self.call.cancel()
        await asyncio.wait([self.task])
        if not self.task.cancelled():
            self.task.exception()


def ended(streams: int) -> Callable[[list[pb.ChatEvent]], bool]:
    return lambda events: sum(event.HasField("complete_state") for event in events) >= streams


def by_stream(events: list[pb.ChatEvent]) -> dict[str, list[pb.ChatEvent]]:
    ordered = sorted(events, key=lambda event: event.stream_id)
    return {name: list(group) for name, group in itertools.groupby(ordered, key=lambda event: event.stream_id)}


@pytest.fixture
async def replicas(chat_with: Callable[..., Any], redis_url: str) -> AsyncGenerator[tuple[Any, Any]]:
    async with AsyncExitStack() as stack:
        here, there = (chat_with(grace=2, redis_url=SecretStr(redis_url)) for _ in range(2))
        yield await stack.enter_async_context(here), await stack.enter_async_context(there)


@pytest.fixture
async def watchers() -> AsyncGenerator[Callable[..., Any]]:
    """Starts a watcher and returns it when it watches."""
    made: list[Watcher] = []

    async def watch(chat: Any, client_id: str, cursor: str = "") -> Watcher:
        made.append(Watcher(chat, client_id, cursor))
        async with asyncio.timeout(SECONDS):
            await made[-1].begun.wait()
        return made[-1]

    yield watch
    for watcher in made:
        await watcher.leave()


async def register(chat: Any, name: str, **fields: Any) -> str:
    made = await chat.clients.RegisterClient(pb.RegisterClientRequest(name=name, kind="web", **fields))
    return made.client.id


async def test_every_client_gets_the_events_but_the_one_that_asked(chat: Any, watchers: Any) -> None:
    asking, other, third = [await register(chat, name) for name in ("a", "b", "c")]
    watching = [await watchers(chat, each) for each in (asking, other, third)]
    conversation = await chat.conversation()
    answer = await chat.answer(conversation, client_id=asking)
    second = await chat.answer(conversation)
    for watcher in watching[1:]:
        seen = by_stream(await watcher.until(ended(2)))
        assert seen == {answer[0].stream_id: answer, second[0].stream_id: second}
    assert by_stream(await watching[0].until(ended(1))) == {second[0].stream_id: second}


async def test_clients_at_either_replica_get_the_events_of_both(replicas: tuple[Any, Any], watchers: Any) -> None:
    here, there = replicas
    name = await register(here, "phone")
    assert [each.id for each in (await there.clients.ListClients(pb.ListClientsRequest())).clients] == [name]
    watching = [await watchers(here, name), await watchers(there, name)]
    conversation = await here.conversation()
    answers = [await chat.answer(conversation) for chat in replicas]
    for watcher in watching:
        seen = by_stream(await watcher.until(ended(2)))
        assert seen == {answer[0].stream_id: answer for answer in answers}


async def test_a_client_that_moves_in_the_middle_of_an_answer_loses_nothing(
    replicas: tuple[Any, Any], watchers: Any
) -> None:
    here, there = replicas
    name = await register(here, "phone")
    first = await watchers(here, name)
    gate = asyncio.Event()
    script = here.says("one ", "two ", "three")
    here.llm.rounds = [[*script[:2], Wait(gate), *script[2:]], here.says("four")]
    conversation = await here.conversation()
    running = asyncio.ensure_future(here.answer(conversation))
    await first.until(bool)
    await first.leave()
    gate.set()
    answers = [await running, await here.answer(conversation)]
    moved = await watchers(there, name, first.cursor)
    seen = by_stream([*first.events, *await moved.until(ended(2))])
    assert seen == {answer[0].stream_id: answer for answer in answers}
    for events in seen.values():
        assert_whole(events)
    # Nothing comes twice to one that is up to date.
    again = await watchers(here, name, moved.cursor)
    third = await there.answer(conversation)
    assert await again.until(ended(1)) == third


async def test_a_draining_replica_sends_its_clients_to_the_other(replicas: tuple[Any, Any], watchers: Any) -> None:
    here, there = replicas
    name = await register(here, "phone")
    watching = await watchers(here, name)
    drained = asyncio.ensure_future(drain(here.server, here.services, 3))
    with pytest.raises(Unavailable) as sent_away:
        await watching.task
    assert sent_away.value.reason == "REPLICA_UNAVAILABLE"
    moved = await watchers(there, name, watching.cursor)
    answer = await there.answer(await there.conversation())
    assert await moved.until(ended(1)) == answer
    await drained


async def test_a_drain_does_not_wait_for_clients_that_have_nowhere_to_go(
    chat_with: Callable[..., Any], watchers: Any
) -> None:
    async with chat_with(grace=20) as chat:
        watching = await watchers(chat, await register(chat, "phone"))
        async with asyncio.timeout(HANG_SECONDS):
            await drain(chat.server, chat.services, 20)
        with pytest.raises(Unavailable):
            await watching.task


async def test_presence_is_seen_at_every_replica(replicas: tuple[Any, Any], watchers: Any) -> None:
    here, there = replicas
    name = await register(here, "phone")

    async def shown() -> pb.Client:
        (found,) = (await there.clients.ListClients(pb.ListClientsRequest())).clients
        return found

    assert not (await shown()).connected
    watching = await watchers(here, name)
    async with asyncio.timeout(SECONDS):
        while not (found := await shown()).connected:  # noqa: ASYNC110 - told by the other replica
            await asyncio.sleep(0.01)
    assert found.replica
    await watching.leave()
    async with asyncio.timeout(SECONDS):
        while (await shown()).connected:  # noqa: ASYNC110 - told by the other replica
            await asyncio.sleep(0.01)


async def test_a_watching_client_keeps_a_detached_answer_alive(chat_with: Any, watchers: Any) -> None:
    async with chat_with(detach_seconds=0.2) as chat:
        hang = Hang()
        chat.llm.rounds = [[*chat.says("one ")[:2], hang]]
        watching = await watchers(chat, await register(chat, "tab"))
        call = chat.ask(await chat.conversation())
        await watching.until(bool)
        call.cancel()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.4):
                await hang.left.wait()
        await watching.leave()
        async with asyncio.timeout(SECONDS):
            await hang.left.wait()


async def test_a_client_registers_again_under_its_id_and_is_forgotten_when_asked(chat: Any) -> None:
    name = await register(chat, "tab")
    before = (await chat.clients.ListClients(pb.ListClientsRequest())).clients[0]
    assert await register(chat, "tablet", client_id=name) == name
    (after,) = (await chat.clients.ListClients(pb.ListClientsRequest())).clients
    assert (after.name, after.kind, after.create_time) == ("tablet", "web", before.create_time)
    await chat.clients.UnregisterClient(pb.UnregisterClientRequest(id=name))
    with pytest.raises(NotFound, match="register it"):
        await Watcher(chat, name).task


async def test_nobody_else_sees_a_client_or_what_it_watches(chat: Any, watchers: Any, bob: Caller, eve: Caller) -> None:
    name = await register(chat, "tab")
    for stranger in (bob, eve):
        async with chat.as_caller(stranger):
            assert not (await chat.clients.ListClients(pb.ListClientsRequest())).clients
            with pytest.raises(NotFound):
                await chat.clients.UnregisterClient(pb.UnregisterClientRequest(id=name))
            with pytest.raises(NotFound):
                await Watcher(chat, name).task
    async with chat.as_caller(bob):
        watching = await watchers(chat, await register(chat, "of bob"))
    await chat.answer(await chat.conversation())
    async with chat.as_caller(bob):
        own = await chat.answer(await chat.conversation())
    assert await watching.until(ended(1)) == own


@pytest.mark.parametrize("cursor", ["nonsense!", "bm90IGpzb24", "WzEsMl0", "WyIiLCB7ImEiOiAiYiJ9XQ"])
async def test_a_cursor_that_is_not_ours_is_refused(chat: Any, cursor: str) -> None:
    with pytest.raises(InvalidArgument, match="not one of ours"):
        await Watcher(chat, await register(chat, "tab"), cursor).task


async def test_too_many_and_too_long_are_refused(chat: Any) -> None:
    with pytest.raises(InvalidArgument, match="at most 200"):
        await register(chat, "x" * 201)
    for number in range(100):
        await register(chat, f"tab {number}")
    with pytest.raises(ResourceExhausted, match="unregister some"):
        await register(chat, "one more")
