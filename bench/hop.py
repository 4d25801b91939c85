"""One hop between two of our services: a call of its own beside a call on a shared stream.

`python -m bench.hop PORT` is the server: one method that answers what it was asked, one that counts.
"""

import asyncio
import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from typing import Any, Final

import psutil

from bench.measure import Figure, Report, interleaved
from penstock_kit.grpc import GrpcServer, PenstockChannel, open_channel
from penstock_testkit.servers.process import accepts, free_port, wait_until

SERVICE: Final = "penstock.bench.v1.HopService"
ROUNDS: Final = 5
CALLERS: Final = 64
REQUEST: Final = b"x" * 100
CHUNKS: Final = 400


async def echo(request: bytes, context: Any) -> bytes:
    """Answer the request."""
    return request


async def count(request: bytes, context: Any) -> AsyncGenerator[bytes]:
    """Answer many times, as a model does: piece by piece, each as soon as it is there."""
    for _ in range(CHUNKS):
        yield request
        await asyncio.sleep(0)


def add_to_server(_: object, server: Any) -> None:
    """Register both methods."""
    import grpc

    untyped: Any = grpc
    handlers = {
        "Echo": untyped.unary_unary_rpc_method_handler(echo),
        "Count": untyped.unary_stream_rpc_method_handler(count),
    }
    server.add_generic_rpc_handlers([untyped.method_handlers_generic_handler(SERVICE, handlers)])


async def serve(port: int) -> None:
    """Serve until killed."""
    server = GrpcServer(service="hop")
    server.add(add_to_server, None)
    await server.serve(port, asyncio.Event())


@contextlib.contextmanager
def peer() -> Iterator[tuple[int, psutil.Process]]:
    """The server in a process of its own: its port and the process."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "bench.hop", str(port)], stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: accepts(port), seconds=10, what="the server of the hop")
        yield port, psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait(timeout=5)


class Caller:
    """Calls the server in one of the two ways."""

    def __init__(self, channel: PenstockChannel, process: psutil.Process) -> None:
        self._echo: Callable[..., Any] = channel.unary_unary(f"/{SERVICE}/Echo")
        self._count: Callable[..., Any] = channel.unary_stream(f"/{SERVICE}/Count")
        self._processes = (psutil.Process(), process)

    async def latencies(self, calls: int = 400) -> Sequence[float]:
        """Milliseconds of calls one after another."""
        taken: list[float] = []
        for _ in range(calls):
            started = time.perf_counter()
            await self._echo(REQUEST)
            taken.append((time.perf_counter() - started) * 1000)
        return taken

    async def throughput(self, calls: int = 6000) -> tuple[float, float]:
        """Calls a second of many callers, and the milliseconds of CPU that both sides spent on each."""

        async def ask() -> None:
            for _ in range(calls // CALLERS):
                await self._echo(REQUEST)

        started, before = time.perf_counter(), self._cpu_seconds()
        await asyncio.gather(*(ask() for _ in range(CALLERS)))
        used, seconds = self._cpu_seconds() - before, time.perf_counter() - started
        made = calls // CALLERS * CALLERS
        return made / seconds, used / made * 1000

    async def messages(self, streams: int = 50) -> float:
        """Streamed messages a second over many streams at once."""

        async def read() -> int:
            return len([message async for message in self._count(REQUEST)])

        started = time.perf_counter()
        counted = await asyncio.gather(*(read() for _ in range(streams)))
        return sum(counted) / (time.perf_counter() - started)

    def _cpu_seconds(self) -> float:
        return sum(sum(process.cpu_times()[:2]) for process in self._processes)


async def run() -> Report:
    """Measure both ways in interleaved rounds."""
    report = Report(title="One hop between two services")
    with peer() as (port, process):
        target = f"127.0.0.1:{port}"
        async with (
            open_channel(target, service="hop") as alone,
            open_channel(target, service="hop", multiplexed=[SERVICE]) as shared,
        ):
            await measure(report, Caller(alone, process), Caller(shared, process))
    report.note = (
        "A call of its own beside one on a stream with others (penstock_kit.grpc.multiplex), 100 bytes each way."
    )
    return report


async def measure(report: Report, alone: Caller, shared: Caller) -> None:
    """Fill the report."""
    await alone.latencies()
    await shared.latencies()
    (alone_p50, _), (shared_p50, _) = await interleaved(ROUNDS, alone.latencies, shared.latencies)
    rates = [(await alone.throughput(), await shared.throughput()) for _ in range(ROUNDS)]
    messages = [(await alone.messages(), await shared.messages()) for _ in range(ROUNDS)]

    def middle(pick: Callable[[Any], float], found: Sequence[Any]) -> float:
        return statistics.median(pick(one) for one in found)

    def row(name: str, unit: str, value: float, beside: float) -> Figure:
        return Figure(name=name, value=value, unit=unit, beside="a call of its own", ratio=value / beside)

    report.figures += [
        row("call p50", "ms", shared_p50, alone_p50),
        row(
            f"calls/s, {CALLERS} callers",
            "1/s",
            middle(lambda pair: pair[1][0], rates),
            middle(lambda pair: pair[0][0], rates),
        ),
        row(
            "CPU a call, both sides",
            "ms",
            middle(lambda pair: pair[1][1], rates),
            middle(lambda pair: pair[0][1], rates),
        ),
        row(
            "streamed messages/s, 50 streams",
            "1/s",
            middle(lambda pair: pair[1], messages),
            middle(lambda pair: pair[0], messages),
        ),
    ]


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(int(sys.argv[1])))
