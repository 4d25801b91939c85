import asyncio
import subprocess
import sys
import time

import pytest
from opentelemetry import context as otel_context
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry, generate_latest

from penstock_kit.context import CallContext, use_context
from penstock_kit.errors import FailedPrecondition
from penstock_kit.telemetry import (
    LoopLag,
    ProcessMetrics,
    RpcMetrics,
    configure_tracing,
    current_traceparent,
    serve_metrics,
)
from penstock_kit.telemetry.tracing import parent_context
from penstock_testkit.waiting import HANG_SECONDS

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_without_an_endpoint_no_sdk_is_imported_and_an_incoming_trace_is_passed_on() -> None:
    code = (
        "import sys\n"
        "from penstock_kit.grpc import GrpcServer, open_channel\n"
        "from penstock_kit.telemetry import configure_tracing, current_traceparent, tracer\n"
        "from penstock_kit.context import CallContext, use_context\n"
        "tracing = configure_tracing('s', '')\n"
        "assert not tracing.enabled\n"
        f"with use_context(CallContext(request_id='r', traceparent={TRACEPARENT!r})):\n"
        "    with tracing.tracer('x').start_as_current_span('y'), tracer('x').start_as_current_span('z'):\n"
        f"        assert current_traceparent() == {TRACEPARENT!r}\n"
        "heavy = ('opentelemetry.sdk', 'opentelemetry.exporter', 'grpc_reflection.v1alpha', 'sqlalchemy', 'alembic')\n"
        "loaded = [name for name in sys.modules if name.startswith(heavy)]\n"
        "assert loaded == [], loaded\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=HANG_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr


def test_spans_are_exported_with_their_service_and_remote_parent() -> None:
    exporter = InMemorySpanExporter()
    tracing = configure_tracing("llm-service", "", exporter=exporter)
    with tracing.tracer("t").start_as_current_span("outer", context=parent_context(TRACEPARENT)):
        inside = current_traceparent()
    (span,) = exporter.get_finished_spans()
    tracing.shutdown()
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"
    assert inside == f"00-0af7651916cd43dd8448eb211c80319c-{span.context.span_id:016x}-01"
    assert span.resource.attributes["service.name"] == "llm-service"


@pytest.mark.parametrize("header", ["", "x", "00-zz-yy-01", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "00-a-b"])
def test_a_malformed_traceparent_is_no_parent(header: str) -> None:
    assert parent_context(header) is None


def test_the_current_span_wins_over_the_trace_that_came_in() -> None:
    tracing = configure_tracing("s", "", exporter=InMemorySpanExporter())
    with use_context(CallContext(request_id="r", traceparent=TRACEPARENT)):
        assert current_traceparent() == TRACEPARENT
        with tracing.tracer("t").start_as_current_span("x"):
            assert current_traceparent() != TRACEPARENT
    tracing.shutdown()
    assert otel_context.get_current() == {}


def test_rpc_metrics_count_by_method_and_code() -> None:
    registry = CollectorRegistry()
    method = RpcMetrics(registry, "cache-service").method("penstock.cache.v1.CacheService/Get")
    labels = {"service": "cache-service", "method": "penstock.cache.v1.CacheService/Get"}
    method.on_start()
    assert registry.get_sample_value("penstock_rpc_in_flight", labels) == 1
    method.on_finish("OK", 0.002)
    method.on_start()
    method.on_finish("NOT_FOUND", 0.2)
    assert registry.get_sample_value("penstock_rpc_requests_total", {**labels, "code": "OK"}) == 1
    assert registry.get_sample_value("penstock_rpc_requests_total", {**labels, "code": "NOT_FOUND"}) == 1
    assert registry.get_sample_value("penstock_rpc_duration_seconds_count", labels) == 2
    assert registry.get_sample_value("penstock_rpc_in_flight", labels) == 0


def test_process_metrics_are_read_at_scrape_time() -> None:
    registry = CollectorRegistry()
    process = ProcessMetrics(registry, "s")
    assert process.rss_mb() > 1
    text = generate_latest(registry).decode()
    for name in ("resident_memory_bytes", "cpu_seconds", "threads", "open_fds"):
        assert f'penstock_process_{name}{{service="s"}}' in text


async def ask(port: int, request: bytes) -> tuple[str, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), HANG_SECONDS)
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.split(b"\r\n")[0].decode(), body


async def test_metrics_are_served_over_http_and_nothing_else_is() -> None:
    registry = CollectorRegistry()
    RpcMetrics(registry, "s").method("a/b").on_finish("OK", 0.1)
    server = await serve_metrics(registry, "127.0.0.1", 0)
    status, body = await ask(server.port, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert status == "HTTP/1.1 200 OK"
    assert b'penstock_rpc_requests_total{code="OK",method="a/b",service="s"} 1.0' in body
    assert (await ask(server.port, b"GET / HTTP/1.1\r\n\r\n"))[0] == "HTTP/1.1 404 Not Found"
    assert (await ask(server.port, b"POST /metrics HTTP/1.1\r\n\r\n"))[0] == "HTTP/1.1 405 Method Not Allowed"
    assert (await ask(server.port, b"X" * 100_000))[0] == ""
    await server.close()


async def test_a_connection_that_never_asks_for_metrics_is_ended() -> None:
    server = await serve_metrics(CollectorRegistry(), "127.0.0.1", 0, seconds=0.05)
    assert await ask(server.port, b"GET /metrics HTTP/1.1\r\nHost: x\r\n") == ("", b"")
    await server.close()


async def test_a_taken_metrics_port_is_named() -> None:
    server = await serve_metrics(CollectorRegistry(), "127.0.0.1", 0)
    with pytest.raises(FailedPrecondition, match=str(server.port)) as caught:
        await serve_metrics(CollectorRegistry(), "127.0.0.1", server.port)
    assert caught.value.reason == "PORT_UNAVAILABLE"
    await server.close()


async def test_work_that_holds_the_event_loop_is_measured_as_its_lag() -> None:
    registry = CollectorRegistry()
    LoopLag(registry, "s").start()
    async with asyncio.timeout(HANG_SECONDS):
        while _lag_count(registry) < 2:  # noqa: ASYNC110 - a timer tells nobody
            await asyncio.sleep(0.05)
        before = _lag_count(registry)
        time.sleep(0.6)  # noqa: ASYNC251 - holding the loop is what is measured
        while _lag_count(registry) <= before:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    worst = registry.get_sample_value("event_loop_lag_worst_seconds", {"service": "s"})
    assert worst is not None
    assert worst >= 0.4
    within = registry.get_sample_value("event_loop_lag_seconds_bucket", {"service": "s", "le": "0.25"})
    assert within is not None
    assert within < _lag_count(registry)


async def test_the_worst_lag_is_that_since_it_was_last_read() -> None:
    registry = CollectorRegistry()
    lag = LoopLag(registry, "s")
    lag.note(1.5)
    lag.note(0.5)
    assert registry.get_sample_value("event_loop_lag_worst_seconds", {"service": "s"}) == 1.5
    assert registry.get_sample_value("event_loop_lag_worst_seconds", {"service": "s"}) == 0.0


def _lag_count(registry: CollectorRegistry) -> float:
    return registry.get_sample_value("event_loop_lag_seconds_count", {"service": "s"}) or 0.0
