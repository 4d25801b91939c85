"""Connections of a certain age: callers look up who serves by now, and nothing that runs is cut."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from penstock_kit.grpc import GrpcServer, open_channel
from penstock_kit.grpc.channel import PenstockChannel
from penstock_testkit.servers.name_server import NameServer, run_name_server
from penstock_testkit.waiting import HANG_SECONDS, assert_within, until

SERVICE = "penstock.test.v1.NamedService"
NAME = "replicas.test"
FIRST, SECOND = "127.0.0.1", "127.0.0.2"
KINDS = pytest.mark.parametrize("multiplexed", [(), (SERVICE,)], ids=["plain", "multiplexed"])


class Replica:
    """Says at which address it listens, once or as often as it is asked to."""

    def __init__(self, host: str, connection_age: float) -> None:
        self.host = host
        # The callers' ends of the connections that calls of their own came over.
        self.peers = set[str]()
        self.server = GrpcServer(service="replica", host=host, grace_seconds=5, connection_age=connection_age)
        self.server.add(self._add, object())

    def _add(self, servicer: object, server: Any) -> None:
        handlers = {
            "Say": grpc.unary_unary_rpc_method_handler(self._say),
            "Repeat": grpc.unary_stream_rpc_method_handler(self._repeat),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))

    async def _say(self, request: bytes, context: Any) -> bytes:
        if hasattr(context, "peer"):
            self.peers.add(context.peer())
        return self.host.encode()

    async def _repeat(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        for _ in range(int(request)):
            yield self.host.encode()
            await asyncio.sleep(0.01)


@asynccontextmanager
async def replica(host: str, *, port: int = 0, connection_age: float = 0) -> AsyncIterator[Replica]:
    serving = Replica(host, connection_age)
    await serving.server.start(port)
    try:
        yield serving
    finally:
        await serving.server.drain()


@pytest.fixture
async def names() -> AsyncIterator[NameServer]:
    async with run_name_server() as server:
        server.set(NAME, [FIRST])
        yield server


def channel_to(names: NameServer, port: int, multiplexed: Sequence[str]) -> PenstockChannel:
    return open_channel(names.target(NAME, port), service="named", multiplexed=multiplexed, stream_lifetime=0.3)


async def call_until_answered_by(channel: PenstockChannel, host: str) -> Counter[bytes]:
    """Call without a pause until `host` has answered; no call may fail."""
    say = channel.unary_unary(f"/{SERVICE}/Say")
    counted = Counter[bytes]()
    async with asyncio.timeout(HANG_SECONDS):
        while host.encode() not in counted:
            counted.update(await asyncio.gather(*(say(b"") for _ in range(8))))
    return counted


@KINDS
async def test_a_replica_that_joins_gets_calls_and_none_fails(names: NameServer, multiplexed: Sequence[str]) -> None:
    async with (
        replica(FIRST, connection_age=0.5) as first,
        channel_to(names, first.server.port, multiplexed) as channel,
    ):
        await call_until_answered_by(channel, FIRST)
        async with replica(SECOND, port=first.server.port):
            names.set(NAME, [FIRST, SECOND])
            counted = await call_until_answered_by(channel, SECOND)
    assert set(counted) == {FIRST.encode(), SECOND.encode()}


@KINDS
async def test_streams_that_outlive_their_connection_run_to_their_end(
    names: NameServer, multiplexed: Sequence[str]
) -> None:
    async with (
        replica(FIRST, connection_age=0.1) as first,
        channel_to(names, first.server.port, multiplexed) as channel,
    ):
        say, repeat = channel.unary_unary(f"/{SERVICE}/Say"), channel.unary_stream(f"/{SERVICE}/Repeat")

        async def length(stream: Any) -> int:
            return len([answer async for answer in stream])

        streams = [asyncio.ensure_future(length(repeat(b"200"))) for _ in range(10)]
        while not all(stream.done() for stream in streams):
            await asyncio.gather(*(say(b"") for _ in range(8)))
        assert await asyncio.gather(*streams) == [200] * 10
    # Meanwhile the calls beside them went over one connection after the other.
    assert multiplexed or len(first.peers) > 10


@KINDS
async def test_twenty_restarts_one_after_the_other_fail_no_call_and_cut_no_stream(
    names: NameServer, multiplexed: Sequence[str]
) -> None:
    serving = {FIRST: Replica(FIRST, 0.2)}
    await serving[FIRST].server.start(0)
    port = serving[FIRST].server.port
    serving[SECOND] = Replica(SECOND, 0.2)
    await serving[SECOND].server.start(port)
    names.set(NAME, [FIRST, SECOND])
    ended, answers, lengths = asyncio.Event(), Counter[bytes](), Counter[int]()
    try:
        async with asyncio.timeout(2 * HANG_SECONDS), channel_to(names, port, multiplexed) as channel:
            say, repeat = channel.unary_unary(f"/{SERVICE}/Say"), channel.unary_stream(f"/{SERVICE}/Repeat")

            async def ask() -> None:
                while not ended.is_set():
                    answers[await say(b"")] += 1

            async def read() -> None:
                while not ended.is_set():
                    lengths[len([answer async for answer in repeat(b"10")])] += 1

            async def answered_again(host: bytes) -> None:
                before = answers[host]
                await until(lambda: answers[host] > before)

            async with asyncio.TaskGroup() as group:
                for work in (*[ask] * 4, *[read] * 4):
                    group.create_task(work())
                for host in [FIRST, SECOND] * 10:
                    await serving[host].server.drain()
                    serving[host] = Replica(host, 0.2)
                    await serving[host].server.start(port)
                    await answered_again(host.encode())
                ended.set()
        assert set(lengths) == {10}
    finally:
        for each in serving.values():
            await each.server.drain()


@KINDS
async def test_callers_find_replicas_that_have_all_got_new_addresses(
    names: NameServer, multiplexed: Sequence[str]
) -> None:
    async with replica(FIRST) as first, channel_to(names, first.server.port, multiplexed) as channel:
        await call_until_answered_by(channel, FIRST)
        async with replica(SECOND, port=first.server.port):
            names.set(NAME, [SECOND])
            await first.server.drain()
            say = channel.unary_unary(f"/{SERVICE}/Say")
            began = asyncio.get_running_loop().time()
            assert await say(b"", wait_for_ready=True) == SECOND.encode()
            assert_within(asyncio.get_running_loop().time() - began, 5, "finding the new address")


async def test_a_connection_of_a_server_without_an_age_stays(names: NameServer) -> None:
    async with replica(FIRST) as first, channel_to(names, first.server.port, ()) as channel:
        await call_until_answered_by(channel, FIRST)
        async with replica(SECOND, port=first.server.port):
            names.set(NAME, [FIRST, SECOND])
            say = channel.unary_unary(f"/{SERVICE}/Say")
            assert {await say(b"") for _ in range(500)} == {FIRST.encode()}
    assert names.asked == {NAME: 1}
