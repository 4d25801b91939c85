"""Prometheus metrics: RED of every RPC, the process itself, and a small server for ``/metrics``."""

import asyncio
import contextlib
import socket
from collections.abc import Iterable
from typing import Any, Final

import psutil
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from penstock_kit.address import host_and_port
from penstock_kit.errors import FailedPrecondition

# Seconds; from a cache hit to a long answer of a model.
BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_MAX_REQUEST: Final = 8192
_SECONDS: Final = 5.0
_MEGABYTE: Final = 1024 * 1024


class RpcMetrics:
    """Requests, errors (by code), durations and calls in flight per method, for one service.

    For a stream the duration is that of the whole stream.
    """

    def __init__(self, registry: CollectorRegistry, service: str) -> None:
        self._service = service
        self._requests = Counter(
            "penstock_rpc_requests", "RPCs answered, by gRPC code.", ["service", "method", "code"], registry=registry
        )
        self._seconds = Histogram(
            "penstock_rpc_duration_seconds",
            "Seconds from receiving an RPC to its end.",
            ["service", "method"],
            buckets=BUCKETS,
            registry=registry,
        )
        self._in_flight = Gauge(
            "penstock_rpc_in_flight", "RPCs being answered now.", ["service", "method"], registry=registry
        )

    def method(self, method: str) -> "MethodMetrics":
        """Return the metrics of one method (``penstock.llm.v1.LlmService/Complete``), to be kept and reused."""
        return MethodMetrics(
            requests=self._requests,
            seconds=self._seconds.labels(self._service, method),
            in_flight=self._in_flight.labels(self._service, method),
            labels=(self._service, method),
        )


class MethodMetrics:
    """The children of one method, resolved once: looking labels up for each call is what costs."""

    def __init__(self, *, requests: Counter, seconds: Histogram, in_flight: Gauge, labels: tuple[str, str]) -> None:
        self._requests = requests
        self._labels = labels
        self._by_code: dict[str, Counter] = {}
        self._seconds = seconds
        self._in_flight = in_flight

    def on_start(self) -> None:
        """Count a call in."""
        self._in_flight.inc()

    def on_finish(self, code: str, seconds: float) -> None:
        """Count a call out with its gRPC code name (``OK``, ``NOT_FOUND`` …) and how long it took."""
        self._in_flight.dec()
        counter = self._by_code.get(code)
        if counter is None:
            counter = self._by_code[code] = self._requests.labels(*self._labels, code)
        counter.inc()
        self._seconds.observe(seconds)


class ProcessMetrics(Collector):
    """Resident memory, CPU seconds, threads and open files of this process, read when somebody scrapes."""

    def __init__(self, registry: CollectorRegistry, service: str) -> None:
        self._service = service
        self._process = psutil.Process()
        registry.register(self)

    def rss_mb(self) -> float:
        """Return the resident memory in MB (1,048,576 bytes)."""
        return self._process.memory_info().rss / _MEGABYTE

    def collect(self) -> Iterable[Metric]:
        """Yield the gauges of this process."""
        with self._process.oneshot():
            cpu = self._process.cpu_times()
            values = {
                ("penstock_process_resident_memory_bytes", "Resident memory."): self._process.memory_info().rss,
                ("penstock_process_cpu_seconds", "User and system CPU used so far."): cpu.user + cpu.system,
                ("penstock_process_threads", "Threads."): self._process.num_threads(),
                ("penstock_process_open_fds", "Open file descriptors."): self._process.num_fds(),
            }
        for (name, text), value in values.items():
            family = GaugeMetricFamily(name, text, labels=["service"])
            family.add_metric([self._service], value)
            yield family


class MetricsServer:
    """A listening ``/metrics``; made by :func:`serve_metrics`."""

    def __init__(self, server: asyncio.Server, port: int) -> None:
        self._server = server
        self.port = port

    async def close(self) -> None:
        """Stop listening; an answer under way may still finish."""
        self._server.close()
        await asyncio.sleep(0)


async def serve_metrics(
    registry: CollectorRegistry,
    host: str,
    port: int,
    *,
    seconds: float = _SECONDS,
    shared: socket.socket | None = None,
) -> MetricsServer:
    """Answer ``GET /metrics`` of `registry` on the running loop, without a thread; port 0 takes a free one.

    A connection may take `seconds` to ask and to take the answer. `shared` is a socket that listens there already.
    Raises FailedPrecondition (PORT_UNAVAILABLE) when the address is taken.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(seconds):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_response(registry, head))
                await writer.drain()
        writer.close()

    try:
        where: dict[str, Any] = {"host": host, "port": port} if shared is None else {"sock": shared}
        server = await asyncio.start_server(answer, limit=_MAX_REQUEST, **where)
    except OSError as error:
        address = host_and_port(host, port)
        message = f"cannot serve metrics on {address}: {error.strerror or error}; choose another metrics port"
        raise FailedPrecondition(message, reason="PORT_UNAVAILABLE", metadata={"address": address}) from error
    return MetricsServer(server, server.sockets[0].getsockname()[1])


def _response(registry: CollectorRegistry, head: bytes) -> bytes:
    method, _, rest = head.partition(b" ")
    path = rest.split(b" ", 1)[0].split(b"?", 1)[0]
    if method != b"GET":
        return _http("405 Method Not Allowed", "text/plain", b"only GET\n")
    if path != b"/metrics":
        return _http("404 Not Found", "text/plain", b"metrics are at /metrics\n")
    return _http("200 OK", CONTENT_TYPE_PLAIN_0_0_4, generate_latest(registry))


def _http(status: str, content_type: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
