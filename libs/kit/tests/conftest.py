"""A service of four methods over bare bytes, one of each kind, for tests of the server and the channel."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from prometheus_client import CollectorRegistry

from penstock_kit.context import current_context
from penstock_kit.database import sqlite_url
from penstock_kit.errors import FieldViolation, NotFound
from penstock_kit.grpc import GrpcServer, PenstockChannel, open_channel
from penstock_kit.telemetry import Tracing

SERVICE = "penstock.test.v1.EchoService"


class UnforeseenError(BaseException):
    """What no library should raise."""


async def broken_off(how: bytes) -> None:
    """Fail as a handler does that waited for what another cancelled, or with what is no Exception."""
    if how == b"unforeseen":
        raise UnforeseenError
    waited_for = asyncio.get_running_loop().create_future()
    waited_for.cancel()
    await waited_for


class EchoServicer:
    """`closed` is set when a stream's generator is closed, `started` when a slow method runs."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.closed = asyncio.Event()
        self.calls = 0

    async def say(self, request: bytes, context: Any) -> bytes:
        self.calls += 1
        match request:
            case b"missing":
                raise NotFound(
                    "no device 'WLD999'; list them with /devices",
                    reason="DEVICE_NOT_FOUND",
                    metadata={"device": "WLD999"},
                    retry_after=1.5,
                    violations=[FieldViolation(field="device_code", description="unknown")],
                )
            case b"defect":
                raise ZeroDivisionError("secret detail")
            case b"abort":
                await context.abort(grpc.StatusCode.DATA_LOSS, "by hand")
            case b"unimplemented":
                context.set_code(grpc.StatusCode.UNIMPLEMENTED)
                raise NotImplementedError
            case b"wait":
                self.started.set()
                await asyncio.Event().wait()
            case b"foreign cancel" | b"unforeseen":
                await broken_off(request)
            case b"leak":
                raise NotFound("no key psk_0123456789abcdef")
            case _:
                pass
        ctx = current_context()
        who = ctx.caller
        return f"{request.decode()}|{who.user_id}|{who.tenant_id}|{ctx.request_id}|{ctx.traceparent}".encode()

    async def count(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        if not request.isdigit():
            await broken_off(request)
        try:
            for n in range(int(request)):
                yield f"{n}|{current_context().request_id}".encode()
            if request == b"3":
                raise NotFound("three is no number", reason="THREE")
            if request == b"5":
                self.started.set()
                await asyncio.Event().wait()
        finally:
            self.closed.set()

    async def join(self, requests: AsyncIterator[bytes], context: Any) -> bytes:
        parts = [part async for part in requests]
        return b",".join(parts) + f"|{current_context().request_id}".encode()

    async def shout(self, requests: AsyncIterator[bytes], context: Any) -> None:
        async for part in requests:
            await context.write(part.upper())


def add_echo_to_server(servicer: EchoServicer, server: Any) -> None:
    handlers = {
        "Say": grpc.unary_unary_rpc_method_handler(servicer.say),
        "Count": grpc.unary_stream_rpc_method_handler(servicer.count),
        "Join": grpc.stream_unary_rpc_method_handler(servicer.join),
        "Shout": grpc.stream_stream_rpc_method_handler(servicer.shout),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.add_registered_method_handlers(SERVICE, handlers)


class EchoStub:
    def __init__(self, channel: Any) -> None:
        self.say = channel.unary_unary(f"/{SERVICE}/Say")
        self.count = channel.unary_stream(f"/{SERVICE}/Count")
        self.join = channel.stream_unary(f"/{SERVICE}/Join")
        self.shout = channel.stream_stream(f"/{SERVICE}/Shout")
        self.nothing = channel.unary_unary(f"/{SERVICE}/Nothing")


@dataclass(frozen=True, kw_only=True)
class Echo:
    servicer: EchoServicer
    server: GrpcServer
    registry: CollectorRegistry
    channel: PenstockChannel
    stub: EchoStub

    def requests(self, method: str, code: str) -> float:
        labels = {"service": "echo-service", "method": f"{SERVICE}/{method}", "code": code}
        return self.registry.get_sample_value("penstock_rpc_requests_total", labels) or 0


EchoFactory = Callable[..., AbstractAsyncContextManager[Echo]]


@asynccontextmanager
async def running_echo(
    tracing: Tracing | None = None, grace_seconds: float = 0.2, multiplexed: Sequence[str] = ()
) -> AsyncIterator[Echo]:
    servicer, registry = EchoServicer(), CollectorRegistry()
    server = GrpcServer(service="echo-service", registry=registry, tracing=tracing, grace_seconds=grace_seconds)
    server.add(add_echo_to_server, servicer)
    port = await server.start(0)
    channel = open_channel(f"127.0.0.1:{port}", service="echo-service", multiplexed=multiplexed)
    yield Echo(servicer=servicer, server=server, registry=registry, channel=channel, stub=EchoStub(channel))
    await channel.close()
    await server.drain()


@pytest.fixture(params=[(), (SERVICE,)], ids=["plain", "multiplexed"])
def multiplexed(request: pytest.FixtureRequest) -> Sequence[str]:
    """What a channel multiplexes: nothing, or every method that can be. The contract is the same."""
    return request.param


@pytest.fixture
def start_echo(multiplexed: Sequence[str]) -> EchoFactory:
    return partial(running_echo, multiplexed=multiplexed)


@pytest.fixture
async def echo(start_echo: EchoFactory) -> AsyncIterator[Echo]:
    async with start_echo() as running:
        yield running


@pytest.fixture
def echo_stub() -> type[EchoStub]:
    return EchoStub


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind; the same tests hold on both."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "deep" / "demo.db")
    return str(request.getfixturevalue("postgres_url"))
