"""How many calls are let in at once while a service stands behind, and whose."""

import asyncio
from contextlib import asynccontextmanager

import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from penstock.common.v1 import process_pb2, process_pb2_grpc
from prometheus_client import CollectorRegistry

from gateway.composition.clients import open_clients
from gateway.composition.work_limits import WorkLimits
from gateway.middleware.concurrency_limiter import LEAST, START, ConcurrencyLimiter
from gateway.settings import GatewaySettings
from penstock_kit.errors import Unavailable
from penstock_testkit.waiting import HANG_SECONDS, until

TARGET = 0.1
NOWHERE = "127.0.0.1:1"
TICK = 0.025


class Service:
    """A service that answers a probe after so many seconds for each call under way."""

    def __init__(self, seconds_a_call):
        self.limiter = ConcurrencyLimiter(TARGET)
        self._seconds = seconds_a_call
        self._now = 0.0

    def ask(self, calls, tenant="t"):
        """Ask so many at once; return how many were let in."""
        return sum(self.limiter.acquire(tenant) for _ in range(calls))

    def probe(self, times=1):
        """Let so many probes come back."""
        for _ in range(times):
            delay = self.limiter.in_flight * self._seconds
            self._now += TICK + delay
            self.limiter.observe(self._now, delay)

    def wait(self, seconds):
        """Let time pass in which nothing is asked."""
        self._now += seconds
        self.limiter.observe(self._now, 0.0)


def test_what_comes_in_one_moment_is_let_in():
    assert Service(0.001).ask(START) == START


def test_without_a_target_everything_is_let_in():
    limiter = ConcurrencyLimiter(0)
    assert sum(limiter.acquire("t") for _ in range(START * 10)) == START * 10


def test_calls_that_cost_no_time_of_ours_may_be_any_number():
    service = Service(0.0)
    asked = 0
    for _ in range(20):
        asked += service.ask(START)
        service.probe()
    assert asked > 10 * START


def test_a_queue_that_stands_lowers_the_limit_until_it_is_gone():
    service = Service(0.001)
    service.ask(START)
    service.probe(2)
    assert service.limiter.limit < START
    for _ in range(50):
        while service.limiter.in_flight > service.limiter.limit:
            service.limiter.release("t")
        service.ask(START)
        service.probe()
    assert service.limiter.in_flight * 0.001 <= TARGET


def test_one_slow_probe_lowers_nothing():
    service = Service(0.0)
    service.ask(START)
    service.limiter.observe(1.0, 5.0)
    service.limiter.observe(1.1, 0.0)
    assert service.limiter.limit >= START


def test_however_slow_the_service_is_some_calls_are_let_in():
    service = Service(10.0)
    service.ask(START)
    service.probe(200)
    assert service.limiter.limit == LEAST


def test_a_limit_that_is_reached_without_a_queue_grows_again():
    service = Service(0.0)
    service.ask(START)
    service.limiter.observe(1.0, 1.0)
    service.limiter.observe(2.0, 1.0)
    lowered = service.limiter.limit
    service.probe(100)
    assert service.limiter.limit > lowered


def test_a_limit_that_nobody_reaches_is_forgotten():
    service = Service(10.0)
    service.ask(START)
    service.probe(50)
    for _ in range(START):
        service.limiter.release("t")
    service.wait(10)
    assert service.limiter.limit == START


def test_a_tenant_that_asks_little_is_let_in_while_another_fills_the_limit():
    service = Service(0.0)
    service.ask(START, "heavy")
    assert service.ask(10, "heavy") == 0
    assert service.ask(10, "light") == 10


def test_many_tenants_get_no_more_than_equal_shares_beyond_the_limit():
    service = Service(0.0)
    service.ask(START, "heavy")
    assert service.ask(START, "light") == START // 2
    assert service.ask(START, "third") <= START // 3 + 1


def test_what_was_released_is_free_for_the_next():
    service = Service(0.0)
    service.ask(START)
    assert service.ask(1) == 0
    service.limiter.release("t")
    assert service.ask(1) == 1


async def test_a_slow_probe_is_measured_while_calls_are_under_way():
    limiter = ConcurrencyLimiter(0.001)
    for _ in range(START):
        limiter.acquire("t")

    async def slow():
        await asyncio.sleep(0.01)
        return 0.0

    async with limiter.running(slow), asyncio.timeout(HANG_SECONDS):
        while limiter.limit > LEAST:
            await asyncio.sleep(0)
            for _ in range(limiter.in_flight - int(limiter.limit)):
                limiter.release("t")


async def test_what_a_probe_knows_of_other_queues_counts_as_its_own_delay():
    limiter = ConcurrencyLimiter(10)
    for _ in range(START):
        limiter.acquire("t")
    waiting = 11.0

    async def probe():
        return waiting

    async with limiter.running(probe), asyncio.timeout(HANG_SECONDS):
        await until(lambda: limiter.limit < START)
        assert limiter.delay >= 11
        waiting = 0.0
        await until(lambda: limiter.delay < 10)


async def test_a_probe_that_never_ends_is_given_up():
    limiter = ConcurrencyLimiter(0.001)
    for _ in range(START):
        limiter.acquire("t")
    hanging = asyncio.Event()

    async with limiter.running(hanging.wait), asyncio.timeout(HANG_SECONDS):
        await until(lambda: limiter.limit < START)


async def test_nothing_is_probed_while_little_is_under_way():
    limiter = ConcurrencyLimiter(60)
    probed = 0

    async def probe():
        nonlocal probed
        probed += 1
        return 0.0

    for _ in range(LEAST - 1):
        limiter.acquire("t")
    seen = limiter.observed
    async with limiter.running(probe), asyncio.timeout(HANG_SECONDS):
        await until(lambda: limiter.observed >= seen + 3)
        assert probed == 0
        limiter.acquire("t")
        await until(lambda: probed > 0)


async def test_a_service_that_is_away_is_not_behind():
    limiter = ConcurrencyLimiter(60)
    for _ in range(START):
        limiter.acquire("t")

    async def away():
        raise Unavailable("nobody listens")

    async with limiter.running(away), asyncio.timeout(HANG_SECONDS):
        await until(lambda: limiter.observed >= 3)
    assert limiter.limit >= START


def settings_with(llm=NOWHERE, chat=NOWHERE):
    """Return settings that name these services, and others that are not there."""
    return GatewaySettings(
        _env_file=None, llm_address=llm, chat_address=chat, feature_address=NOWHERE, cache_address=NOWHERE
    )


async def test_the_figures_are_on_metrics():
    registry = CollectorRegistry()
    async with open_clients(settings_with()) as clients:
        limits = WorkLimits(clients, TARGET, registry)
    for work in limits.all:
        work.limiter.acquire("t")
        work.limiter.refused, work.limiter.delay = 7, 0.4
    for service in ("gateway", "llm-service", "chat-stream-service"):
        labels = {"service": service}
        assert registry.get_sample_value("penstock_overload_limit", labels) == START
        assert registry.get_sample_value("penstock_overload_in_flight", labels) == 1
        assert registry.get_sample_value("penstock_overload_delay_seconds", labels) == 0.4
        assert registry.get_sample_value("penstock_overload_refused_total", labels) == 7


class Watched(health_pb2_grpc.HealthServicer, process_pb2_grpc.ProcessServiceServicer):
    """Says after `seconds` how a service is and that calls wait `delay` seconds for its store; counts the questions."""

    def __init__(self, *, seconds=0.0, delay=0.0):
        self.asked = 0
        self._seconds = seconds
        self._delay = delay

    async def Check(self, request, context):  # noqa: N802
        self.asked += 1
        await asyncio.sleep(self._seconds)
        return health_pb2.HealthCheckResponse()

    async def GetDelay(self, request, context):  # noqa: N802
        self.asked += 1
        await asyncio.sleep(self._seconds)
        response = process_pb2.GetDelayResponse()
        response.delay.FromMilliseconds(round(self._delay * 1000))
        return response


@asynccontextmanager
async def served(health):
    server = grpc.aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    process_pb2_grpc.add_ProcessServiceServicer_to_server(health, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@pytest.mark.parametrize(
    ("slow", "services"),
    [("llm", {"llm-service", "chat-stream-service"}), ("chat", {"chat-stream-service"})],
)
async def test_a_service_that_is_slow_to_say_how_it_is_limits_what_waits_for_it(slow, services):
    health = Watched(seconds=0.05)
    async with served(health) as address, asyncio.timeout(HANG_SECONDS):
        addresses = {name: address if name == slow else NOWHERE for name in ("llm", "chat")}
        async with open_clients(settings_with(**addresses)) as clients:
            limits = WorkLimits(clients, 0.001, CollectorRegistry())
            for work in limits.all:
                for _ in range(LEAST * 2):
                    work.limiter.acquire("t")
            async with limits.running():
                await until(lambda: {work.service for work in limits.all if work.limiter.limit < START} >= services)
                await until(lambda: health.asked > 0)


async def test_a_store_that_is_behind_limits_chats_and_nothing_else():
    async with served(Watched(delay=7)) as address, asyncio.timeout(HANG_SECONDS):
        async with open_clients(settings_with(llm=address, chat=address)) as clients:
            limits = WorkLimits(clients, 5, CollectorRegistry())
            for work in limits.all:
                for _ in range(LEAST * 2):
                    work.limiter.acquire("t")
            async with limits.running():
                await until(lambda: all(work.limiter.observed >= 4 for work in limits.all))
        assert {work.service for work in limits.all if work.limiter.limit < START} == {"chat-stream-service"}
