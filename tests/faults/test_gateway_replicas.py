"""Two chat-stream processes behind one gateway: what HTTP clients see when one is killed or told to stop."""

import asyncio
import signal
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from penstock.llm.v1 import llm_pb2_grpc

from penstock_kit.context import CallContext, use_context
from penstock_kit.errors import Unavailable
from penstock_testkit.fault_rows import Measured
from penstock_testkit.services import FakeLlm, Hang, answer_events, serve
from penstock_testkit.waiting import HANG_SECONDS, assert_within, until
from tests.faults.gateway_process import Gateway, gateway, is_last
from tests.faults.stream_replica import ANN, OwnRedis, Replica, gated, replica

TEXTS = ("one ", "two ", "three")


@dataclass(slots=True, kw_only=True)
class System:
    """A gateway, two replicas, and the llm-service that says what the test wants."""

    llm: FakeLlm
    here: Replica
    there: Replica
    gateway: Gateway


@pytest.fixture
def redis() -> Iterator[OwnRedis]:
    own = OwnRedis()
    yield own
    own.process.stop()


@pytest.fixture
async def start(tmp_path: Path) -> AsyncGenerator[Any]:
    async with AsyncExitStack() as stack:
        stack.enter_context(use_context(CallContext(request_id="req_g", caller=ANN)))

        async def started(**settings: str) -> System:
            fake, home = FakeLlm(), tmp_path / "home"
            llm = await stack.enter_async_context(serve((llm_pb2_grpc.add_LlmServiceServicer_to_server, fake)))
            here = await stack.enter_async_context(replica(home, llm, **settings))
            there = await stack.enter_async_context(replica(home, llm, **settings))
            before = await stack.enter_async_context(gateway(home, here.address, there.address))
            return System(llm=fake, here=here, there=there, gateway=before)

        yield started


def assert_law(events: list[Any]) -> None:
    """Sequences are gapless, and the last event alone is terminal."""
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert [is_last(event) for event in events] == [False] * (len(events) - 1) + [True]


def text(events: list[Any]) -> str:
    return "".join(event["content"] for event in events if event["type"] == "message_chunk")


def by_stream(events: list[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for event in events:
        found.setdefault(event["stream_id"], []).append({name: event[name] for name in event if name != "cursor"})
    return found


async def test_a_killed_replica_costs_no_reader_an_event_over_any_transport(
    redis: OwnRedis, start: Any, measured: Measured
) -> None:
    system = await start(REDIS_URL=redis.url)
    ways, gate, ready = system.gateway, asyncio.Event(), asyncio.Event()
    system.llm.script = gated(gate, *TEXTS)
    conversations = await new_conversations(ways, 8)
    client = (await ways.post("/api/v1/clients", name="phone"))["id"]
    watched: list[Any] = []
    asked: list[list[Any]] = [[] for _ in conversations]
    others: list[tuple[int, list[Any]]] = []
    async with asyncio.timeout(HANG_SECONDS), asyncio.TaskGroup() as group:
        watching = group.create_task(ways.watch(client, watched, ends=len(asked), ready=ready))
        await ready.wait()
        for conversation, into in zip(conversations, asked, strict=True):
            path = f"/api/v1/conversations/{conversation}/stream"
            group.create_task(ways.events("POST", path, into, content="Hello?", use_tools=False))
        await until(lambda: all(asked) and len(by_stream(watched)) == len(asked))
        for number in [*range(len(asked))] * 2:
            stream_id, into = asked[number][0]["stream_id"], []
            others.append((number, into))
            group.create_task(ways.events("GET", f"/api/v1/streams/{stream_id}/events", into))
            others.append((number, over_socket := []))
            group.create_task(ways.converse(conversations[number], stream_id, over_socket))
        await until(lambda: all(text(into) for _, into in others))
        system.here.send(signal.SIGKILL)
        killed = time.monotonic()
        gate.set()
    took = time.monotonic() - killed
    assert watching.done()
    kinds = [into[-1]["type"] for into in asked]
    assert set(kinds) == {"complete_state", "error"}, "each replica made some"
    for into in asked:
        assert_law(into)
        if into[-1]["type"] == "complete_state":
            assert (text(into), into[-1]["content"]) == ("one two three",) * 2
        else:
            assert (into[-1]["reason"], into[-1]["retryable"]) == ("STREAM_INTERRUPTED", True)
            assert into[-1]["partial_content"] == text(into)
    same = sum(into == asked[number] for number, into in others)
    measured(f"{same} of {len(others)} readers whole over three transports, after {took:.2f} s")
    for number, into in others:
        assert into == asked[number]
    assert by_stream(watched) == by_stream([event for into in asked for event in into])
    assert_within(took, 3)


async def test_a_drain_truncates_none_of_a_hundred_streams_and_is_over_in_time(
    redis: OwnRedis, start: Any, measured: Measured
) -> None:
    system = await start(REDIS_URL=redis.url, PENSTOCK_GRACE_SECONDS="6")
    ways, gate = system.gateway, asyncio.Event()
    system.llm.script = gated(gate, *TEXTS)
    conversations = await new_conversations(ways, 100)
    asked: list[list[Any]] = [[] for _ in conversations]
    async with asyncio.timeout(HANG_SECONDS), asyncio.TaskGroup() as group:
        for conversation, into in zip(conversations, asked, strict=True):
            path = f"/api/v1/conversations/{conversation}/stream"
            group.create_task(ways.events("POST", path, into, content="Hello?", use_tools=False))
        await until(lambda: all(asked))
        system.here.send(signal.SIGTERM)
        async with asyncio.timeout(HANG_SECONDS):
            while await healthy(system.here):  # noqa: ASYNC110 - what happens in another process has no event here
                await asyncio.sleep(0.02)
        services = (await ways.client.get("/ready")).json()["services"]
        assert services["chat-stream-service"]["state"] != "down", "the gateway asks the other replica"
        gate.set()
    measured(f"{sum(not is_last(into[-1]) for into in asked)} of {len(asked)} truncated")
    for into in asked:
        assert_law(into)
        assert into[-1]["content"] == text(into) == "one two three"
    assert await system.here.ended(seconds=6) == 0


async def test_a_client_that_connects_again_with_its_cursor_loses_nothing(redis: OwnRedis, start: Any) -> None:
    system = await start(REDIS_URL=redis.url)
    ways = system.gateway
    system.llm.script = answer_events(*TEXTS)
    conversation = (await ways.post("/api/v1/conversations"))["id"]
    client = (await ways.post("/api/v1/clients", name="phone"))["id"]
    path, watched, asked = f"/api/v1/conversations/{conversation}/stream", [], []
    ready = asyncio.Event()
    async with asyncio.timeout(HANG_SECONDS), asyncio.TaskGroup() as group:
        watching = group.create_task(ways.watch(client, watched, ends=1, ready=ready))
        await ready.wait()
        await ways.events("POST", path, asked, content="Hello?")
    cursor = watching.result()
    system.here.send(signal.SIGKILL)
    for _ in range(3):
        await ways.events("POST", path, asked, content="Hello?")
    await ways.watch(client, watched, ends=4, cursor=cursor)
    assert by_stream(watched) == by_stream(asked)


async def test_readers_are_told_by_a_retryable_error_event_when_no_replica_is_left(start: Any) -> None:
    system = await start()
    ways = system.gateway
    system.llm.script = [*answer_events(*TEXTS)[:2], Hang()]
    conversations = await new_conversations(ways, 4)
    asked: list[list[Any]] = [[] for _ in conversations]
    async with asyncio.timeout(HANG_SECONDS), asyncio.TaskGroup() as group:
        for conversation, into in zip(conversations, asked, strict=True):
            path = f"/api/v1/conversations/{conversation}/stream"
            group.create_task(ways.events("POST", path, into, content="Hello?"))
        await until(lambda: all(asked))
        for each in (system.here, system.there):
            each.send(signal.SIGKILL)
    for into in asked:
        assert_law(into)
        assert (into[-1]["type"], into[-1]["reason"], into[-1]["retryable"]) == ("error", "SERVICE_UNAVAILABLE", True)


async def new_conversations(ways: Gateway, count: int) -> list[str]:
    """Make conversations: of one, only one question is answered at a time."""
    return [(await ways.post("/api/v1/conversations"))["id"] for _ in range(count)]


async def healthy(at: Replica) -> bool:
    """Whether the replica says that it serves."""
    stub: Any = health_pb2_grpc.HealthStub(at.channel)
    try:
        answer = await stub.Check(health_pb2.HealthCheckRequest())
    except Unavailable:
        return False
    return answer.status == health_pb2.HealthCheckResponse.SERVING
