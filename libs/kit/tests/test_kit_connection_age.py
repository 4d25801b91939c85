"""Connections of a certain age: callers look up who serves by now, and nothing that runs is cut."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from penstock_kit.errors import Unavailable
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
        # What the calls asked that it has begun.
        self.begun = set[bytes]()
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
        self.begun.add(request)
        return self.host.encode()

    async def _repeat(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        self.begun.add(request)
        for _ in range(int(request.partition(b" ")[0])):
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


class Replicas:
    """Two replicas of one name at one port, each of which is started anew again and again."""

    def __init__(self) -> None:
        self.port = 0
        self.restarts = 0
        self._serving = dict[str, Replica]()
        self._stopped: list[Replica] = []

    async def start(self, host: str) -> None:
        self._serving[host] = Replica(host, 0.2)
        self.port = await self._serving[host].server.start(self.port)

    async def restart(self, host: str) -> None:
        """Return when the one that has come has begun a call, too: an answer may be of the one that has gone."""
        self.restarts += 1
        gone = self._serving[host]
        await gone.server.drain()
        self._stopped.append(gone)
        await self.start(host)
        await until(lambda: bool(self._serving[host].begun))

    async def stop(self) -> None:
        for each in self._serving.values():
            await each.server.drain()

    def have_begun(self, request: bytes) -> bool:
        return any(request in each.begun for each in (*self._stopped, *self._serving.values()))


# Two moments of gRPC's core are left in which a server that stops neither takes a call nor says so; most of them pass
# without one, also beside other work. See penstock_kit.grpc.call.was_never_taken.
UNLUCKY_RESTARTS = 3


@KINDS
async def test_twenty_restarts_one_after_the_other_cut_nothing_that_has_begun_and_fail_next_to_nothing(
    names: NameServer, multiplexed: Sequence[str]
) -> None:
    replicas = Replicas()
    for host in (FIRST, SECOND):
        await replicas.start(host)
    names.set(NAME, [FIRST, SECOND])
    ended, numbers, lengths = asyncio.Event(), itertools.count(), Counter[int]()
    failed: dict[int, Unavailable] = {}
    try:
        async with asyncio.timeout(2 * HANG_SECONDS), channel_to(names, replicas.port, multiplexed) as channel:
            say, repeat = channel.unary_unary(f"/{SERVICE}/Say"), channel.unary_stream(f"/{SERVICE}/Repeat")

            async def call(work: Callable[[bytes], Awaitable[Any]]) -> None:
                while not ended.is_set():
                    request = b"10 %d" % next(numbers)
                    try:
                        await work(request)
                    except Unavailable as error:
                        assert not replicas.have_begun(request), f"cut: {error}"
                        failed[replicas.restarts] = error

            async def read(request: bytes) -> None:
                lengths[len([answer async for answer in repeat(request)])] += 1

            async with asyncio.TaskGroup() as group:
                for work in (*[say] * 4, *[read] * 4):
                    group.create_task(call(work))
                for host in [FIRST, SECOND] * 10:
                    await replicas.restart(host)
                ended.set()
        assert set(lengths) == {10}
        assert len(failed) <= UNLUCKY_RESTARTS, failed
    finally:
        await replicas.stop()


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
