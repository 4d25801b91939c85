"""What was counted here because Redis was too slow for a caller, without being away, is settled when it answers."""

import pytest

from cache_service.adapters.degrading.limits import DegradingCounters, DegradingRateLimits
from cache_service.adapters.memory.counter import MemoryCounterStore, MemoryRateLimitStore
from cache_service.domain.rate_limit import Rate
from penstock_kit.clock import SystemClock
from penstock_kit.redis.link import RedisUnavailable
from penstock_testkit.waiting import until_true

CLOCK = SystemClock()
RATE = Rate(limit=10, window=3600.0)


class Link:
    """A link whose outages are told by hand."""

    def __init__(self):
        self.up = True
        self._listeners = []

    def listen(self, on_change):
        self._listeners.append(on_change)

    def turn(self, *, up):
        self.up = up
        for on_change in self._listeners:
            on_change(up)


class Slow:
    """A store in Redis' place: while `late`, callers are told it was too slow, and it acts on what was `sent`."""

    def __init__(self, store):
        self.store = store
        self.late = False
        self.sent = False

    async def _act(self, action):
        result = await action
        if self.late:
            raise RedisUnavailable("slow", sent=True)
        return result

    async def increment(self, key, delta, ttl):
        if self.late and not self.sent:
            raise RedisUnavailable("slow")
        return await self._act(self.store.increment(key, delta, ttl))

    async def take(self, key, cost, rate, *, correction=0):
        if self.late and not self.sent:
            raise RedisUnavailable("slow")
        return await self._act(self.store.take(key, cost, rate, correction=correction))


@pytest.fixture
def link():
    return Link()


@pytest.fixture
def slow_counters():
    return Slow(MemoryCounterStore(clock=CLOCK, max_entries=10))


@pytest.fixture
def memory():
    return MemoryCounterStore(clock=CLOCK, max_entries=10)


@pytest.fixture
def counters(link, slow_counters, memory):
    return DegradingCounters(link=link, redis=slow_counters, memory=memory)


@pytest.mark.parametrize("sent", [False, True])
async def test_a_counter_is_settled_once_when_redis_answers_again_without_an_outage(
    counters, slow_counters, memory, sent
):
    await counters.increment("n", 5, 0)
    slow_counters.late, slow_counters.sent = True, sent
    assert await counters.increment("n", 2, 0) == 2
    slow_counters.late = False
    await counters.increment("other", 1, 0)

    async def is_settled():
        there, here = await slow_counters.store.increment("n", 0, 0), await memory.increment("n", 0, 0)
        return (there, here) == (7, 0)

    await until_true(is_settled)


async def test_what_a_lost_connection_had_been_sent_is_owed(counters, slow_counters, link):
    slow_counters.late, slow_counters.sent = True, True
    await counters.increment("n", 2, 0)
    await slow_counters.store.increment("n", -2, 0)  # it was lost on its way
    link.turn(up=False)
    slow_counters.late = False
    link.turn(up=True)

    async def is_settled():
        return await slow_counters.store.increment("n", 0, 0) == 2

    await until_true(is_settled)


@pytest.mark.parametrize("sent", [False, True])
async def test_a_rate_limit_is_settled_once_when_redis_answers_again_without_an_outage(link, sent):
    slow = Slow(MemoryRateLimitStore(clock=CLOCK, max_entries=10))
    memory = MemoryRateLimitStore(clock=CLOCK, max_entries=10)
    limits = DegradingRateLimits(link=link, redis=slow, memory=memory, replicas=lambda: 1)
    slow.late, slow.sent = True, sent
    for _ in range(4):
        assert (await limits.take("r", 1, RATE)).allowed
    slow.late = False
    await limits.take("other", 1, RATE)

    async def is_settled():
        return (await slow.store.take("r", 0, RATE)).remaining == 6

    await until_true(is_settled)
