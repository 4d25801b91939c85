"""Client-side balancing: calls go to all replicas of a service in turn, and around those that are gone."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from typing import Any

import grpc
import pytest

from penstock_kit.grpc import GrpcServer, open_channel

SERVICE = "penstock.test.v1.NamedService"


class Replica:
    """A server that answers with its number."""

    def __init__(self, number: int) -> None:
        self.number = number
        # With some grace, as services have it: one that hangs up at once ends the call that is on its way, too.
        self.server = GrpcServer(service=f"replica-{number}", grace_seconds=5)
        self.server.add(self._add, object())

    def _add(self, servicer: object, server: Any) -> None:
        handlers = {
            "Say": grpc.unary_unary_rpc_method_handler(self.say),
            "Count": grpc.unary_stream_rpc_method_handler(self.count),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))

    async def say(self, request: bytes, context: Any) -> bytes:
        return str(self.number).encode()

    async def count(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        yield str(self.number).encode()


@pytest.fixture
async def replicas() -> AsyncIterator[list[Replica]]:
    running = [Replica(number) for number in range(2)]
    for replica in running:
        await replica.server.start(0)
    yield running
    for replica in running:
        await replica.server.drain()


def addresses(replicas: Sequence[Replica]) -> str:
    return ", ".join(f"127.0.0.1:{replica.server.port}" for replica in replicas)


async def answered(channel: Any, count: int) -> Counter[bytes]:
    say, stream = channel.unary_unary(f"/{SERVICE}/Say"), channel.unary_stream(f"/{SERVICE}/Count")
    answers = [await say(b"") for _ in range(count)]
    answers += [answer for _ in range(count) async for answer in stream(b"")]
    return Counter(answers)


@pytest.mark.parametrize("multiplexed", [(), (SERVICE,)], ids=["plain", "multiplexed"])
async def test_calls_go_to_both_of_two_replicas(replicas: list[Replica], multiplexed: Sequence[str]) -> None:
    async with AsyncExitStack() as stack:
        channel = await stack.enter_async_context(
            open_channel(addresses(replicas), service="named", multiplexed=multiplexed)
        )
        await channel.unary_unary(f"/{SERVICE}/Say")(b"", wait_for_ready=True)
        # The first calls go where a connection is there first; all are there soon.
        counted = Counter[bytes]()
        while len(counted) < 2:
            counted += await answered(channel, 4)
        assert set(counted) == {b"0", b"1"}


@pytest.mark.parametrize("multiplexed", [(), (SERVICE,)], ids=["plain", "multiplexed"])
async def test_no_call_fails_when_one_of_two_replicas_has_ended(
    replicas: list[Replica], multiplexed: Sequence[str]
) -> None:
    async with open_channel(addresses(replicas), service="named", multiplexed=multiplexed) as channel:
        await answered(channel, 4)
        await replicas[0].server.drain()
        counted = await answered(channel, 10)
    assert counted == {b"1": 20}


async def test_a_name_with_several_addresses_is_one_target(replicas: list[Replica]) -> None:
    target = f"dns:///localhost:{replicas[0].server.port}"
    async with open_channel(target, service="named") as channel:
        assert await channel.unary_unary(f"/{SERVICE}/Say")(b"", wait_for_ready=True) == b"0"
