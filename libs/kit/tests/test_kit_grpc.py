import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.errors import (
    DeadlineExceeded,
    ErrorKind,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    PayloadTooLarge,
    PenstockError,
    Unavailable,
    Unimplemented,
)
from penstock_kit.grpc import GrpcServer, fast_protobuf, open_channel, responses
from penstock_kit.grpc.options import client_options
from penstock_kit.telemetry import configure_tracing
from penstock_testkit.waiting import HANG_SECONDS, assert_within, until

SERVICE = "penstock.test.v1.EchoService"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CALL = CallContext(request_id="req_7", caller=Caller(user_id="王芳", tenant_id="acme"), traceparent=TRACEPARENT)


async def each(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_identity_request_id_and_trace_arrive_at_the_handler(echo: Any) -> None:
    with use_context(CALL):
        answer = await echo.stub.say(b"hi")
    assert answer.decode() == f"hi|王芳|acme|req_7|{TRACEPARENT}"


async def test_the_context_is_there_in_all_four_kinds_of_method(echo: Any) -> None:
    with use_context(CALL):
        assert (await echo.stub.say(b"a")).startswith(b"a|")
        assert [m async for m in echo.stub.count(b"2")] == [b"0|req_7", b"1|req_7"]
        assert await echo.stub.join(each(b"a", b"b")) == b"a,b|req_7"
        assert [m async for m in echo.stub.shout(each(b"a", b"b"))] == [b"A", b"B"]


async def test_calls_at_the_same_time_keep_their_own_context(echo: Any) -> None:
    async def call(n: int) -> bytes:
        with use_context(CallContext(request_id=f"r{n}", caller=Caller(user_id=f"u{n}"))):
            return await echo.stub.say(b"x")

    answers = await asyncio.gather(*(call(n) for n in range(100)))
    assert answers == [f"x|u{n}|default|r{n}|".encode() for n in range(100)]


async def test_an_error_arrives_as_the_very_error_that_was_raised(echo: Any) -> None:
    with pytest.raises(NotFound) as caught:
        await echo.stub.say(b"missing")
    error = caught.value
    assert error.message == "no device 'WLD999'; list them with /devices"
    assert (error.reason, error.metadata, error.retry_after) == ("DEVICE_NOT_FOUND", {"device": "WLD999"}, 1.5)
    assert error.violations[0].field == "device_code"
    await until(lambda: echo.requests("Say", "NOT_FOUND") == 1)  # counted when the server is done


@pytest.mark.parametrize("how", [b"foreign cancel", b"unforeseen"])
async def test_a_handler_that_breaks_off_without_having_been_cancelled_is_an_error_at_once(
    echo: Any, how: bytes
) -> None:
    async with asyncio.timeout(HANG_SECONDS):
        with pytest.raises(Internal):
            await echo.stub.say(how)
        with pytest.raises(Internal):
            [message async for message in echo.stub.count(how)]
        assert (await echo.stub.say(b"next")).startswith(b"next|")
    await until(lambda: echo.requests("Say", "INTERNAL") == 1)


async def test_an_error_after_some_responses_is_raised_while_iterating(echo: Any) -> None:
    received: list[bytes] = []
    with pytest.raises(NotFound, match="three is no number"):
        async for message in echo.stub.count(b"3"):
            received.append(message)
    assert len(received) == 3
    await until(lambda: echo.requests("Count", "NOT_FOUND") == 1)  # counted when the server is done


async def test_an_unexpected_exception_is_internal_with_a_fixed_message_and_logged_once(
    echo: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with use_context(CALL), pytest.raises(Internal) as caught:
        await echo.stub.say(b"defect")
    assert "secret detail" not in caught.value.message
    assert caught.value.metadata["request_id"] == "req_7"
    out = capsys.readouterr().out
    assert out.count("unexpected error in a call") == 1
    assert "ZeroDivisionError" in out


async def test_secrets_in_an_error_message_do_not_reach_the_caller(echo: Any) -> None:
    with pytest.raises(NotFound, match="psk_…cdef") as caught:
        await echo.stub.say(b"leak")
    assert "psk_0123456789abcdef" not in caught.value.message


async def test_an_abort_by_the_handler_keeps_its_code(echo: Any) -> None:
    with pytest.raises(Internal, match="by hand"):
        await echo.stub.say(b"abort")
    await until(lambda: echo.requests("Say", "DATA_LOSS") == 1)  # counted when the server is done


async def test_a_method_that_is_missing_or_not_written_is_unimplemented(echo: Any) -> None:
    with pytest.raises(Unimplemented):
        await echo.stub.say(b"unimplemented")
    with pytest.raises(Unimplemented):
        await echo.stub.nothing(b"")


async def test_the_deadline_of_the_context_holds_over_a_longer_timeout(echo: Any) -> None:
    begun = time.monotonic()
    context = CallContext(request_id="r", deadline=begun + 0.1)
    with use_context(context), pytest.raises(DeadlineExceeded, match="echo-service at 127"):
        await echo.stub.say(b"wait", timeout=HANG_SECONDS)
    assert 0.1 <= time.monotonic() - begun < HANG_SECONDS / 2


async def test_a_call_without_a_timeout_of_its_own_has_that_of_its_channel(
    echo: Any, echo_stub: Any, multiplexed: Any
) -> None:
    target = f"127.0.0.1:{echo.server.port}"
    async with open_channel(target, service="echo-service", timeout=0.1, multiplexed=multiplexed) as channel:
        begun = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            await echo_stub(channel).say(b"wait")
        assert 0.1 <= time.monotonic() - begun < HANG_SECONDS / 2


async def test_a_deadline_that_passed_fails_at_once_on_streams_too(echo: Any) -> None:
    begun = time.monotonic()
    with use_context(CallContext(request_id="r", deadline=begun - 1)), pytest.raises(DeadlineExceeded):
        [message async for message in echo.stub.count(b"2", timeout=HANG_SECONDS)]
    assert time.monotonic() - begun < HANG_SECONDS / 2


async def test_leaving_a_stream_early_closes_the_generator_of_the_server(echo: Any) -> None:
    async with responses(echo.stub.count(b"5")) as messages:
        assert await anext(messages)
    await asyncio.wait_for(echo.servicer.closed.wait(), HANG_SECONDS)


async def test_cancelling_the_callers_task_closes_the_generator_of_the_server(echo: Any) -> None:
    async def consume() -> None:
        async for _ in echo.stub.count(b"5"):
            pass

    task = asyncio.ensure_future(consume())
    await asyncio.wait_for(echo.servicer.started.wait(), HANG_SECONDS)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(echo.servicer.closed.wait(), HANG_SECONDS)


async def test_a_stream_as_context_manager_is_cancelled_at_the_end(echo: Any) -> None:
    async with echo.stub.count(b"5") as call:
        assert await call.read()
    await asyncio.wait_for(echo.servicer.closed.wait(), HANG_SECONDS)


async def test_a_two_way_stream_can_be_driven_by_hand(echo: Any) -> None:
    call = echo.stub.shout()
    await call.write(b"one")
    assert await call.read() == b"ONE"
    await call.write(b"two")
    assert await call.read() == b"TWO"
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF


async def test_an_absent_server_is_named_at_once(echo_stub: Any, multiplexed: Any) -> None:
    with socket.socket() as taken:  # bound and not listening: refuses, and nobody else gets the port
        taken.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{taken.getsockname()[1]}"
        async with open_channel(target, service="llm-service", multiplexed=multiplexed) as channel:
            started = time.monotonic()
            with pytest.raises(Unavailable, match=f"llm-service at {target}") as caught:
                await echo_stub(channel).say(b"")
            assert_within(time.monotonic() - started, 2, "an absent server's refusal")
    assert caught.value.reason == "SERVICE_UNAVAILABLE"


async def test_a_server_that_accepts_and_says_nothing_fails_within_two_seconds(
    echo_stub: Any, multiplexed: Any
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        target = f"127.0.0.1:{silent.getsockname()[1]}"
        async with open_channel(target, service="llm-service", multiplexed=multiplexed) as channel:
            started = time.monotonic()
            with pytest.raises(Unavailable):
                await echo_stub(channel).say(b"")
            assert_within(time.monotonic() - started, 2.5, "giving up")


async def test_a_server_that_comes_back_is_used_again(echo: Any, start_echo: Any) -> None:
    assert await echo.stub.say(b"a")
    port = echo.server.port
    await echo.server.drain()
    with pytest.raises(Unavailable):
        await echo.stub.say(b"a")
    again = GrpcServer(service="echo-service")
    await again.start(port)
    async with asyncio.timeout(HANG_SECONDS):
        await echo.channel.channel_ready()
    with pytest.raises(Unimplemented):  # it answers: the new server has no echo
        await echo.stub.say(b"a")
    await again.drain()


async def test_what_one_channel_met_at_an_address_is_nothing_to_a_new_one() -> None:
    first = GrpcServer(service="s", grace_seconds=0)
    target = f"127.0.0.1:{await first.start(0)}"
    request = health_pb2.HealthCheckRequest()
    async with open_channel(target, service="s") as old:
        await health_pb2_grpc.HealthStub(old).Check(request)
        await first.drain()
        with pytest.raises(Unavailable):
            await health_pb2_grpc.HealthStub(old).Check(request)
        second = GrpcServer(service="s", grace_seconds=0)
        await second.start(int(target.rpartition(":")[2]))
        async with open_channel(target, service="s") as new:
            await health_pb2_grpc.HealthStub(new).Check(request)
        await second.drain()


async def test_a_message_over_the_limit_is_refused_and_the_server_lives(echo: Any) -> None:
    with pytest.raises(PayloadTooLarge):
        await echo.stub.say(b"x" * (33 * 1024 * 1024))
    assert await echo.stub.say(b"still here")


async def test_a_taken_port_is_named_with_the_setting_that_changes_it(echo: Any) -> None:
    other = GrpcServer(service="llm-service")
    with pytest.raises(FailedPrecondition) as caught:
        await other.start(echo.server.port, setting="LLM_SERVICE_PORT")
    assert caught.value.reason == "PORT_UNAVAILABLE"
    assert f"127.0.0.1:{echo.server.port}" in caught.value.message
    assert "LLM_SERVICE_PORT" in caught.value.message


async def test_health_is_per_service_and_turns_off_at_drain(start_echo: Any) -> None:
    async with start_echo(grace_seconds=5) as echo:
        stub = health_pb2_grpc.HealthStub(grpc.aio.insecure_channel(f"127.0.0.1:{echo.server.port}"))
        for service in ("", SERVICE):
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        watch = stub.Watch(health_pb2.HealthCheckRequest(service=SERVICE))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        draining = asyncio.ensure_future(echo.server.drain())
        assert (await asyncio.wait_for(watch.read(), HANG_SECONDS)).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert await asyncio.wait_for(watch.read(), HANG_SECONDS) is grpc.aio.EOF
        await asyncio.wait_for(draining, HANG_SECONDS)  # a watcher does not hold it up for the grace time
        assert echo.server.draining.is_set()


async def test_health_of_an_unknown_service_is_not_found_and_watched_as_unknown(echo: Any) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{echo.server.port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Check(health_pb2.HealthCheckRequest(service="nope"))
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        watch = stub.Watch(health_pb2.HealthCheckRequest(service="nope"))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        watch.cancel()


async def test_a_service_can_turn_unhealthy_and_back(echo: Any) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{echo.server.port}") as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        await echo.server.set_serving(serving=False)
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        await echo.server.set_serving(serving=True)
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        watch.cancel()


async def test_drain_lets_running_calls_finish(start_echo: Any) -> None:
    async with start_echo(grace_seconds=HANG_SECONDS) as echo:
        call = echo.stub.shout()
        await call.write(b"a")
        assert await call.read() == b"A"
        draining = asyncio.ensure_future(echo.server.drain())
        await asyncio.sleep(0)
        await call.write(b"b")
        assert await call.read() == b"B"
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
        await asyncio.wait_for(draining, HANG_SECONDS)
        await asyncio.wait_for(echo.server.wait(), HANG_SECONDS)


async def test_drain_cancels_what_is_left_after_the_grace_time(start_echo: Any) -> None:
    async with start_echo(grace_seconds=0.1) as echo:
        call = asyncio.ensure_future(echo.stub.say(b"wait"))
        await asyncio.wait_for(echo.servicer.started.wait(), HANG_SECONDS)
        await asyncio.wait_for(echo.server.drain(), HANG_SECONDS)
        with pytest.raises(PenstockError) as caught:
            await call
        assert caught.value.kind in {ErrorKind.CANCELLED, ErrorKind.UNAVAILABLE}


async def test_reflection_lists_the_services(echo: Any) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{echo.server.port}") as channel:
        call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo()
        await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
        names = {found.name for found in (await call.read()).list_services_response.service}
        call.cancel()
    assert {SERVICE, "grpc.health.v1.Health"} <= names


async def test_a_call_is_a_server_span_under_the_callers_span(start_echo: Any) -> None:
    exporter = InMemorySpanExporter()
    tracing = configure_tracing("echo-service", "", exporter=exporter)
    async with start_echo(tracing=tracing) as echo:
        with tracing.tracer("test").start_as_current_span("caller") as caller, use_context(CALL):
            await echo.stub.say(b"a")
            with pytest.raises(NotFound):
                await echo.stub.say(b"missing")
    tracing.shutdown()
    spans = {span.attributes["rpc.grpc.status_code"]: span for span in exporter.get_finished_spans()[:2]}
    assert spans.keys() == {"OK", "NOT_FOUND"}
    for span in spans.values():
        assert span.name == f"{SERVICE}/Say"
        assert span.context.trace_id == caller.get_span_context().trace_id
        assert span.parent.span_id == caller.get_span_context().span_id
        assert span.attributes["penstock.request_id"] == "req_7"


async def test_a_trace_that_came_in_is_continued(start_echo: Any) -> None:
    exporter = InMemorySpanExporter()
    tracing = configure_tracing("echo-service", "", exporter=exporter)
    async with start_echo(tracing=tracing) as echo:
        with use_context(CALL):
            answer = (await echo.stub.say(b"a")).decode()
    tracing.shutdown()
    (span,) = exporter.get_finished_spans()
    assert f"{span.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"
    assert answer.endswith(TRACEPARENT)  # the context keeps what came in; calls made from here carry the span


def test_only_methods_named_idempotent_may_be_repeated() -> None:
    def methods(*names: str) -> list[Any]:
        config = json.loads(dict(client_options(names))["grpc.service_config"])
        return config["methodConfig"]

    assert methods() == []
    (config,) = methods("a.B/Get", "a.C")
    assert config["name"] == [{"service": "a.B", "method": "Get"}, {"service": "a.C"}]
    assert config["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE"]


async def test_an_error_of_the_server_itself_is_not_repeated(start_echo: Any, echo_stub: Any) -> None:
    async with start_echo() as echo:

        async def refuse(request: bytes, context: Any) -> bytes:
            refused.append(request)
            raise Unavailable("all providers are down", reason="PROVIDER_UNAVAILABLE")

        refused: list[bytes] = []
        server = GrpcServer(service="s")
        handlers = {"Say": grpc.unary_unary_rpc_method_handler(refuse)}
        server.add(
            lambda _, s: s.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, handlers)]), echo
        )
        port = await server.start(0)
        async with open_channel(f"127.0.0.1:{port}", service="s", idempotent=[SERVICE]) as channel:
            with pytest.raises(Unavailable, match="all providers are down"):
                await echo_stub(channel).say(b"x")
        await server.drain()
    assert refused == [b"x"]


@pytest.mark.parametrize("kind", ["unary_unary", "unary_stream", "stream_unary", "stream_stream"])
async def test_bytes_that_are_no_message_are_the_callers_error_and_the_server_lives(
    kind: str, multiplexed: Any
) -> None:
    async def one(request: Any, context: Any) -> bytes:
        return b"ok" if not hasattr(request, "__aiter__") else b"%d" % len([r async for r in request])

    async def many(request: Any, context: Any) -> AsyncIterator[bytes]:
        yield await one(request, context)

    def parse(data: bytes) -> Any:
        return health_pb2.HealthCheckRequest.FromString(data)

    make = getattr(grpc, f"{kind}_rpc_method_handler")
    behavior = many if kind.endswith("_stream") else one
    generic = grpc.method_handlers_generic_handler(SERVICE, {"M": make(behavior, parse)})
    server = GrpcServer(service="s")
    server.add(lambda _, adding: adding.add_generic_rpc_handlers([generic]), None)
    port = await server.start(0)
    async with open_channel(f"127.0.0.1:{port}", service="s", multiplexed=multiplexed) as channel:
        call = getattr(channel, kind)(f"/{SERVICE}/M")

        async def ask(data: bytes) -> list[bytes]:
            request = each(data) if kind.startswith("stream") else data
            return [m async for m in call(request)] if kind.endswith("_stream") else [await call(request)]

        with pytest.raises(InvalidArgument, match=f"{SERVICE}/M") as caught:
            await ask(b"\xff\xff\xff")
        assert caught.value.reason == "MESSAGE_INVALID"
        assert await ask(b"") in ([b"ok"], [b"1"])
    await server.drain()


def test_protobuf_runs_on_upb() -> None:
    assert fast_protobuf()
