"""With a secret of the installation, a service believes only callers that carry it; real gRPC on both sides."""

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from penstock.common.v1 import multiplex_pb2 as multiplex
from penstock.common.v1 import multiplex_pb2_grpc

from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.errors import FailedPrecondition, Unavailable
from penstock_kit.grpc import GrpcServer, open_channel
from penstock_kit.grpc.admission import SECRET_KEY
from penstock_kit.installation import ensure_secret, installation_secret, read_secret
from penstock_kit.settings import GrpcServiceSettings, ServiceSettings, load

SECRET = "an-installations-secret-of-enough-characters"
SERVICE = "penstock.test.v1.EchoService"
SPOOFED = (("x-penstock-user", "alice"), ("x-penstock-tenant", "default"), ("x-penstock-scopes", "admin"))
ALICE = CallContext("req_1", Caller(user_id="alice", tenant_id="t1"))


async def say(request: bytes, context: Any) -> bytes:
    from penstock_kit.context import current_context

    caller = current_context().caller
    return f"{caller.user_id}|{caller.tenant_id}".encode()


async def count(request: bytes, context: Any) -> AsyncIterator[bytes]:
    for number in range(int(request)):
        yield str(number).encode()


def add_to_server(servicer: object, server: Any) -> None:
    handlers = {
        "Say": grpc.unary_unary_rpc_method_handler(say),
        "Count": grpc.unary_stream_rpc_method_handler(count),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))


@asynccontextmanager
async def serving(*, secret: str = SECRET, host: str = "127.0.0.1") -> AsyncIterator[int]:
    server = GrpcServer(service="guarded", grace_seconds=0, secret=secret, host=host)
    server.add(add_to_server, object())
    port = await server.start(0)
    try:
        yield port
    finally:
        await server.drain()


def files_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def code_of(call: Any) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return refused.value.code()


async def test_a_spoofed_identity_without_the_secret_is_refused() -> None:
    async with serving() as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        method = channel.unary_unary(f"/{SERVICE}/Say")
        for metadata in (SPOOFED, (), (*SPOOFED, (SECRET_KEY, SECRET[:-1] + "x")), (*SPOOFED, (SECRET_KEY, ""))):
            assert await code_of(method(b"", metadata=metadata)) is grpc.StatusCode.UNAUTHENTICATED
        assert await method(b"", metadata=(*SPOOFED, (SECRET_KEY, SECRET))) == b"alice|default"


async def test_a_streaming_call_and_an_unknown_method_without_the_secret_are_refused_too() -> None:
    async with serving() as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stream = channel.unary_stream(f"/{SERVICE}/Count")(b"3", metadata=SPOOFED)
        assert await code_of(stream.read()) is grpc.StatusCode.UNAUTHENTICATED
        unknown = channel.unary_unary(f"/{SERVICE}/Nothing")
        assert await code_of(unknown(b"", metadata=SPOOFED)) is grpc.StatusCode.UNAUTHENTICATED


async def test_a_stream_that_would_carry_calls_is_refused_before_any_of_them_runs() -> None:
    async with serving() as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        headers = multiplex.Headers(method=f"/{SERVICE}/Say", metadata={**dict(SPOOFED), SECRET_KEY: SECRET})
        frame = multiplex.ClientFrame(call_id=1, headers=headers)
        carry = multiplex_pb2_grpc.MultiplexServiceStub(channel).Carry()
        with pytest.raises((grpc.aio.AioRpcError, asyncio.InvalidStateError)):
            await carry.write(multiplex.CarryRequest(frames=[frame]))
            await carry.read()
        assert await carry.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("multiplexed", [(), (SERVICE,)], ids=["plain", "multiplexed"])
async def test_a_channel_with_the_secret_is_served_under_the_callers_identity(multiplexed: tuple[str, ...]) -> None:
    async with (
        serving() as port,
        open_channel(f"127.0.0.1:{port}", service="guarded", multiplexed=multiplexed, secret=SECRET) as channel,
    ):
        with use_context(ALICE):
            assert await channel.unary_unary(f"/{SERVICE}/Say")(b"") == b"alice|t1"
            answers = [answer async for answer in channel.unary_stream(f"/{SERVICE}/Count")(b"3")]
        assert answers == [b"0", b"1", b"2"]


@pytest.mark.parametrize("multiplexed", [(), (SERVICE,)], ids=["plain", "multiplexed"])
async def test_another_secret_is_a_fault_of_the_installation_and_not_of_the_caller(
    multiplexed: tuple[str, ...],
) -> None:
    wrong = "another-installations-secret-of-that-length"
    async with (
        serving() as port,
        open_channel(f"127.0.0.1:{port}", service="guarded", multiplexed=multiplexed, secret=wrong) as channel,
    ):
        with pytest.raises(Unavailable, match="PENSTOCK_SERVICE_SECRET") as refused:
            await channel.unary_unary(f"/{SERVICE}/Say")(b"")
        assert refused.value.reason == "SERVICE_SECRET_INVALID"
        assert wrong not in refused.value.message


async def test_health_is_open_and_reflection_where_only_this_machine_listens() -> None:
    for host, reflected in (("127.0.0.1", True), ("0.0.0.0", False)):
        async with serving(host=host) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            health = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
            assert health.status == health_pb2.HealthCheckResponse.SERVING
            asked = reflection_pb2.ServerReflectionRequest(list_services="")
            stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
            if reflected:
                names = (await stub.ServerReflectionInfo(iter([asked])).read()).list_services_response.service
                assert SERVICE in {name.name for name in names}
            else:
                refused = stub.ServerReflectionInfo(iter([asked]))
                assert await code_of(refused.read()) is grpc.StatusCode.UNAUTHENTICATED


async def test_without_a_secret_a_server_listens_on_loopback_alone() -> None:
    async with serving(secret=""):
        pass
    with pytest.raises(FailedPrecondition, match="PENSTOCK_SERVICE_SECRET") as refused:
        async with serving(secret="", host="0.0.0.0"):
            pass
    assert refused.value.reason == "SERVICE_SECRET_REQUIRED"


def test_settings_that_open_a_service_without_a_secret_are_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit):
        load(GrpcServiceSettings, PENSTOCK_SERVICE_BIND_HOST="0.0.0.0")
    assert "setting PENSTOCK_SERVICE_BIND_HOST" in capsys.readouterr().err
    for secret in ({"PENSTOCK_SERVICE_SECRET": SECRET}, {"PENSTOCK_SERVICE_SECRET_FILE": str(tmp_path / "file")}):
        assert load(GrpcServiceSettings, PENSTOCK_SERVICE_BIND_HOST="0.0.0.0", **secret).host == "0.0.0.0"


def test_a_weak_secret_is_refused_without_showing_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        load(ServiceSettings, PENSTOCK_SERVICE_SECRET="too-short-to-guard")
    shown = capsys.readouterr().err
    assert "at least 32" in shown
    assert "too-short-to-guard" not in shown


async def test_the_secrets_file_is_made_once_and_read_by_all(tmp_path: Path) -> None:
    file = tmp_path / "service.secret"
    settings = ServiceSettings(service_secret_file=file)
    first, *others = await asyncio.gather(*(installation_secret(settings) for _ in range(5)))
    assert len(first) >= 32
    assert set(others) == {first}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert ensure_secret(file) == first
    assert files_in(tmp_path) == ["service.secret"]


async def test_a_secret_in_the_settings_counts_before_the_file(tmp_path: Path) -> None:
    settings = ServiceSettings(service_secret=SECRET, service_secret_file=tmp_path / "never-made")  # pyright: ignore[reportArgumentType]
    assert await installation_secret(settings) == SECRET
    assert files_in(tmp_path) == []
    assert await installation_secret(ServiceSettings()) == ""


def test_a_file_with_a_weak_or_unreadable_secret_is_named(tmp_path: Path) -> None:
    file = tmp_path / "service.secret"
    for content in (b"", b"short\n", b"\xff" * 40, b"two words that are long enough to count\n"):
        file.write_bytes(content)
        with pytest.raises(FailedPrecondition, match="PENSTOCK_SERVICE_SECRET_FILE") as refused:
            read_secret(file)
        assert refused.value.reason == "SERVICE_SECRET_INVALID"
