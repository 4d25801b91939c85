"""What is limited while more is asked than can be done, and how it is found out."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

from penstock.common.v1 import process_pb2
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from gateway.composition.clients import Clients
from gateway.middleware.concurrency_limiter import ConcurrencyLimiter
from gateway.middleware.overload import LimitedWork
from penstock_kit.context import SYSTEM, CallContext, use_context
from penstock_kit.turns import take_turns

if TYPE_CHECKING:
    from penstock.common.v1.process_pb2_grpc import ProcessServiceAsyncStub

_NANOS: Final = 1_000_000_000
# So many reads at once are always served: one takes about a millisecond, and they are none that others queue behind.
_LEAST_READS: Final = 32


class WorkLimits(Collector):
    """The limits of model calls, chats, all other work, and reads, each by the delay of the services that answer it.

    `target` is the delay in seconds that is borne, 0 for any. They follow it within the block of :meth:`running`.
    """

    def __init__(self, clients: Clients, target: float, registry: CollectorRegistry) -> None:
        self._llm, self._chat = (clients.processes[name] for name in ("llm-service", "chat-stream-service"))
        self._calls, self._chats, self._others = (ConcurrencyLimiter(target) for _ in range(3))
        self._reads = ConcurrencyLimiter(target, least=_LEAST_READS)
        self.all: Sequence[LimitedWork] = (
            LimitedWork(prefix="/v1/", service="llm-service", limiter=self._calls),
            LimitedWork(prefix="/api/v1/conversations", service="chat-stream-service", limiter=self._chats),
            LimitedWork(prefix="/", service="gateway", limiter=self._others),
            LimitedWork(prefix="/", service="reads", limiter=self._reads, reads=True),
        )
        registry.register(self)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Follow the delays until the block ends."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._calls.running(lambda: _delay(self._llm)))
            await stack.enter_async_context(self._chats.running(self._check_chat))
            await stack.enter_async_context(self._others.running(_take_turns))
            await stack.enter_async_context(self._reads.running(self._check_reads))
            yield

    async def _check_chat(self) -> float:
        """A chat waits for the model call within it too, and at its end for the store."""
        stored, _ = await asyncio.gather(_delay(self._chat), _delay(self._llm))
        return stored

    async def _check_reads(self) -> float:
        """A read waits for no turn that is being stored."""
        await asyncio.gather(_delay(self._chat), _delay(self._llm))
        return 0.0

    def collect(self) -> Iterable[Metric]:
        """Yield the figures of now."""
        delay = GaugeMetricFamily(
            "penstock_overload_delay_seconds", "Seconds that a call waits in our own queues.", labels=["service"]
        )
        limit = GaugeMetricFamily("penstock_overload_limit", "Calls that may be under way at once.", labels=["service"])
        in_flight = GaugeMetricFamily("penstock_overload_in_flight", "Calls that are under way.", labels=["service"])
        refused = CounterMetricFamily("penstock_overload_refused", "Calls refused so far.", labels=["service"])
        for work in self.all:
            limiter, labels = work.limiter, [work.service]
            delay.add_metric(labels, limiter.delay)
            limit.add_metric(labels, limiter.limit)
            in_flight.add_metric(labels, limiter.in_flight)
            refused.add_metric(labels, limiter.refused)
        return (delay, limit, in_flight, refused)


async def _delay(process: "ProcessServiceAsyncStub") -> float:
    """Ask a service how long calls wait in queues of its own, in seconds."""
    with use_context(CallContext(request_id="probe", caller=SYSTEM)):
        answer = await process.GetDelay(process_pb2.GetDelayRequest())
        await take_turns()
    return answer.delay.ToNanoseconds() / _NANOS


async def _take_turns() -> float:
    """Wait as often as a request does for the event loop."""
    await take_turns()
    return 0.0
