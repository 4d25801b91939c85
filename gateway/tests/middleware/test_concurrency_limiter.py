"""How many calls are let in at once while a service stands behind, and whose."""

import asyncio
import random
from collections import deque
from contextlib import asynccontextmanager

import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from penstock.common.v1 import process_pb2, process_pb2_grpc
from prometheus_client import CollectorRegistry

from gateway.composition.clients import open_clients
from gateway.composition.work_limits import WorkLimits
from gateway.middleware.concurrency_limiter import LEAST, LEAST_BY_ONE, START, ConcurrencyLimiter, Wait
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

    def observe_for(self, seconds, *, delay):
        """Let this delay stand for some seconds."""
        for _ in range(round(seconds / TICK)):
            self._now += TICK
            self.limiter.observe(self._now, delay)

    def stand_still(self, seconds):
        """Let nothing be done nor looked at for so long; the probe that was under way has waited for it."""
        self._now += seconds
        self.limiter.observe(self._now, seconds)

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
    service.probe(3)
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
    service.observe_for(1.0, delay=1.0)
    lowered = service.limiter.limit
    service.probe(100)
    assert START > lowered < service.limiter.limit


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


def test_a_newcomers_share_leaves_room_for_those_who_are_there():
    service = Service(0.0)
    service.limiter.limit = 100.0
    service.ask(100, "heavy")
    assert not service.limiter.has_its_share("light")
    assert service.ask(100, "light") == 50
    service.limiter.limit = 1.0
    assert service.limiter.has_its_share("third") is False
    assert service.ask(5, "third") == 1


def test_tenants_that_have_left_take_no_part():
    service = Service(0.0)
    service.limiter.limit = 10.0
    for number in range(20):
        assert service.ask(1, f"gone {number}") == 1
        service.limiter.release(f"gone {number}")
    service.ask(10, "heavy")
    assert service.ask(10, "light") == 5


def test_what_was_released_is_free_for_the_next():
    service = Service(0.0)
    service.ask(START)
    assert service.ask(1) == 0
    service.limiter.release("t")
    assert service.ask(1) == 1


def serve(limiter, *, load, seconds=20.0, cost=0.001, on=0.0, stall=0.0):
    """Ask `load` times as much as a server carries that needs `cost` seconds a call; return its answered and refused.

    With `on` twice as much comes in every other stretch of so many seconds; the server stands `stall` seconds in each.
    """
    step, chance = 0.001, random.Random(7)
    queue: deque[float | None] = deque()
    among = 0
    budget, sent, last, answered, refused = 0.0, None, Wait(among=0, seconds=0.0), [], 0
    for number in range(round(seconds / step)):
        now = number * step
        rate = load if not on else 2 * load * (int(now / on) % 2)
        asked = rate * step / cost
        for _ in range(int(asked) + (chance.random() < asked % 1)):
            if limiter.acquire("t"):
                queue.append(now)
            else:
                refused += 1
        if number % round(TICK / step) == 0:
            if sent is None and limiter.in_flight >= LEAST:
                sent, among = now, limiter.in_flight
                queue.append(None)
            waits = [] if sent is None else [last, Wait(among=among, seconds=now - sent)]
            limiter.bound(*waits)
            limiter.observe(now, max((wait.seconds for wait in waits), default=0.0))
        budget = min(budget + step, step) if now % 1.0 >= stall else 0.0
        while queue and budget > 0:
            begun = queue.popleft()
            if begun is None:
                last, sent = Wait(among=among, seconds=now - sent), None
                limiter.record(now, last)
            else:
                budget -= cost
                limiter.release("t")
                answered.append(now - begun)
    return sorted(answered), refused


@pytest.mark.parametrize("cost", [0.0005, 0.001, 0.004])
def test_at_twice_what_a_server_carries_it_is_kept_busy_and_calls_wait_about_as_long_as_is_borne(cost):
    answered, refused = serve(ConcurrencyLimiter(TARGET), load=2.0, cost=cost)
    assert len(answered) >= 0.9 * 20 / cost
    assert refused >= 0.9 * 20 / cost
    assert answered[len(answered) // 2] <= 1.5 * TARGET


@pytest.mark.parametrize("load", [2.0, 4.0])
@pytest.mark.parametrize("cost", [0.0005, 0.0016, 0.003])
def test_the_first_seconds_of_too_much_do_not_fill_the_whole_limit(cost, load):
    answered, _ = serve(ConcurrencyLimiter(TARGET), load=load, cost=cost, seconds=4.0)
    assert answered[len(answered) * 99 // 100] <= 2.5 * TARGET
    assert len(answered) >= 0.9 * 4 / cost


@pytest.mark.parametrize("cost", [0.0005, 0.001, 0.004])
def test_at_eight_tenths_of_what_a_server_carries_nothing_is_refused(cost):
    assert serve(ConcurrencyLimiter(TARGET), load=0.8, cost=cost)[1] == 0


def test_bursts_that_fit_into_what_is_carried_are_let_in():
    answered, refused = serve(ConcurrencyLimiter(TARGET), load=0.7, on=0.2)
    assert refused <= 0.02 * len(answered)


def test_a_server_that_stands_a_twentieth_of_each_second_refuses_little_of_what_it_carries():
    answered, refused = serve(ConcurrencyLimiter(TARGET), load=0.8, stall=0.05)
    assert refused <= 0.02 * len(answered)


@pytest.mark.parametrize("stall", [0.1, 0.2, 0.28])
def test_a_pause_of_the_whole_server_refuses_none_of_those_who_waited_through_it(stall):
    """Twenty who ask again as soon as they are answered, and a moment in which nothing is done nor looked at."""
    service = Service(0.0)
    assert service.ask(20) == 20
    service.observe_for(2.0, delay=0.01)
    service.limiter.record(2.0, Wait(among=20, seconds=0.01))
    service.stand_still(stall)
    service.observe_for(1.0, delay=0.01)
    assert service.limiter.limit == START


def test_a_queue_that_outlasts_a_pause_lowers_the_limit():
    service = Service(0.0)
    service.ask(20)
    service.observe_for(2.0, delay=0.01)
    service.stand_still(0.28)
    service.observe_for(0.3, delay=0.2)
    assert service.limiter.limit < START


def limiter_with(calls):
    limiter = ConcurrencyLimiter(TARGET)
    assert sum(limiter.acquire("t") for _ in range(calls)) == calls
    return limiter


def test_who_would_wait_longer_than_the_target_is_not_let_in():
    limiter = limiter_with(100)
    limiter.bound(Wait(among=100, seconds=TARGET / 2))
    assert sum(limiter.acquire("t") for _ in range(200)) == 100


def test_a_pause_refuses_none_of_as_many_as_were_carried_a_moment_ago():
    service = Service(0.0)
    limiter = service.limiter
    assert service.ask(40) == 40
    limiter.record(1.0, Wait(among=40, seconds=TARGET / 2))
    limiter.bound(*[Wait(among=30, seconds=3 * TARGET)] * 2)
    limiter.release("t")
    assert service.ask(2) == 1
    # More than that are bounded as ever, and so is the same number when it is long ago or the wait stands.
    limiter.bound(*[Wait(among=100, seconds=2 * TARGET)] * 2)
    assert service.ask(100) == 10
    limiter.record(7.0, Wait(among=20, seconds=3 * TARGET))
    limiter.bound(*[Wait(among=30, seconds=3 * TARGET)] * 2)
    assert limiter.is_full
    limiter.release("t")
    assert service.ask(1) == 0


def test_a_wait_that_stands_is_no_pause():
    service = Service(0.0)
    service.ask(40)
    service.limiter.record(0.0, Wait(among=40, seconds=TARGET / 2))
    service.observe_for(1.0, delay=3 * TARGET)
    service.limiter.bound(*[Wait(among=40, seconds=3 * TARGET)] * 2)
    service.limiter.release("t")
    assert service.ask(1) == 0


def assert_lets_in(limiter, calls):
    """Let calls go until one fewer than so many are under way: then one is let in, and no further one."""
    while limiter.in_flight >= calls:
        assert not limiter.acquire("t")
        limiter.release("t")
    assert limiter.acquire("t")
    assert not limiter.acquire("t")


def test_a_probe_under_way_for_longer_than_the_target_after_one_that_waited_lets_in_the_least_only():
    limiter = limiter_with(START // 2)
    limiter.bound(*[Wait(among=20, seconds=2 * TARGET)] * 2)
    assert_lets_in(limiter, LEAST)


@pytest.mark.parametrize("seconds", [TARGET, 2 * TARGET, 5 * TARGET])
def test_what_one_probe_alone_among_few_has_waited_is_a_pause_and_refuses_none_of_a_few_people(seconds):
    limiter = limiter_with(LEAST_BY_ONE - 1)
    wait = Wait(among=20, seconds=seconds)
    limiter.bound(wait)
    assert limiter.acquire("t")
    limiter.record(1.0, wait)
    limiter.bound(wait)
    assert_lets_in(limiter, LEAST_BY_ONE)
    limiter.record(1.1, Wait(among=20, seconds=0.0))
    limiter.record(1.2, wait)
    limiter.bound(wait)
    assert_lets_in(limiter, LEAST_BY_ONE)


def test_one_probe_alone_among_many_bounds_at_once_to_what_waits_as_long_as_is_borne():
    limiter = limiter_with(START)
    limiter.bound(Wait(among=200, seconds=2 * TARGET))
    assert_lets_in(limiter, 100)


def test_two_probes_in_a_row_that_waited_bound_until_one_comes_through_or_nobody_has_to_be_asked():
    limiter = limiter_with(LEAST_BY_ONE)
    wait = Wait(among=20, seconds=2 * TARGET)
    limiter.record(1.0, wait)
    limiter.record(1.2, wait)
    limiter.bound(wait)
    assert_lets_in(limiter, LEAST)
    limiter.bound()
    limiter.bound(wait)
    for _ in range(LEAST_BY_ONE - LEAST):
        assert limiter.acquire("t")
    assert_lets_in(limiter, LEAST_BY_ONE)


@pytest.mark.parametrize("waits", [[], [Wait(among=1, seconds=TARGET / 5)]])
def test_probes_that_hardly_wait_bound_nothing(waits):
    limiter = limiter_with(100)
    limiter.bound(Wait(among=1, seconds=1.0))
    limiter.bound(*waits)
    assert limiter.acquire("t")


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
        assert 10 < limiter.delay < 11
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


async def test_32_reads_at_once_are_served_whatever_probes_wait_and_16_of_all_else():
    async with open_clients(settings_with()) as clients:
        limits = WorkLimits(clients, TARGET, CollectorRegistry())
    for work in limits.all:
        for at in range(1, 9):
            work.limiter.record(at / 10, Wait(among=20, seconds=5 * TARGET))
            work.limiter.observe(at / 10, 5 * TARGET)
        work.limiter.bound(*[Wait(among=20, seconds=5 * TARGET)] * 2)
        assert sum(work.limiter.acquire("t") for _ in range(START)) == (32 if work.reads else LEAST)


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
    async with served(Watched(delay=7)) as behind, served(Watched()) as prompt, asyncio.timeout(HANG_SECONDS):
        async with open_clients(settings_with(llm=prompt, chat=behind)) as clients:
            limits = WorkLimits(clients, 5, CollectorRegistry())
            for work in limits.all:
                for _ in range(LEAST * 2):
                    work.limiter.acquire("t")
            async with limits.running():
                await until(lambda: any(work.limiter.limit < START for work in limits.all))
                await until(lambda: all(work.limiter.observed >= 4 for work in limits.all))
        assert {work.service for work in limits.all if work.limiter.limit < START} == {"chat-stream-service"}
