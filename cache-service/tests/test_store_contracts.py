"""The contracts of counters, rates, locks, leases and sessions, in memory and in a real Redis."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from cache_service.adapters.memory.counter import MemoryCounterStore, MemoryRateLimitStore
from cache_service.adapters.memory.lock import MemoryLeaseStore, MemoryLockStore
from cache_service.adapters.memory.session import MemorySessionStore
from cache_service.adapters.redis.counter import RedisCounterStore
from cache_service.adapters.redis.key import lock_key
from cache_service.adapters.redis.lease import RedisLeaseStore
from cache_service.adapters.redis.lock import RedisLockStore
from cache_service.adapters.redis.rate_limit import RedisRateLimitStore
from cache_service.adapters.redis.script_runner import ScriptRunner
from cache_service.adapters.redis.session import RedisSessionStore
from cache_service.domain.rate_limit import Rate
from cache_service.domain.session import Session
from penstock_kit.clock import SystemClock
from penstock_kit.errors import ResourceExhausted
from penstock_kit.redis.link import RedisLink, RedisUnavailable
from penstock_testkit.clock import ManualClock
from penstock_testkit.contracts.counter_store import CounterStoreContract
from penstock_testkit.contracts.lease_store import LeaseStoreContract
from penstock_testkit.contracts.lock_store import LockStoreContract
from penstock_testkit.contracts.rate_limit_store import RateLimitStoreContract
from penstock_testkit.contracts.session_store import SessionStoreContract
from penstock_testkit.redis_time import let_redis_pass
from penstock_testkit.waiting import HANG_SECONDS, until_true

LetPass = Callable[[float], Awaitable[None]]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def new_token_of(numbers: Any) -> Callable[[], str]:
    return lambda: f"tok_{next(numbers)}"


class InMemory:
    @pytest.fixture
    def let_pass(self, clock: ManualClock) -> LetPass:
        async def passes(seconds: float) -> None:
            clock.advance(seconds)

        return passes


class InRedis:
    @pytest.fixture
    async def link(self, redis_url: str) -> AsyncIterator[RedisLink]:
        link = RedisLink(redis_url, clock=SystemClock())
        await link.probe([("PING",)])
        yield link
        await link.close()

    @pytest.fixture
    def scripts(self, link: RedisLink) -> ScriptRunner:
        return ScriptRunner(link)

    @pytest.fixture
    async def client(self, redis_url: str) -> AsyncIterator[Any]:
        client = Redis.from_url(redis_url, socket_timeout=HANG_SECONDS)
        yield client
        await client.aclose()

    @pytest.fixture
    def let_pass(self, client: Any) -> LetPass:
        async def passes(seconds: float) -> None:
            await let_redis_pass(client, seconds)

        return passes


class TestMemoryCounterStore(InMemory, CounterStoreContract):
    @pytest.fixture
    def store(self, clock: ManualClock) -> MemoryCounterStore:
        return MemoryCounterStore(clock=clock, max_entries=100)


class TestRedisCounterStore(InRedis, CounterStoreContract):
    @pytest.fixture
    def store(self, scripts: ScriptRunner) -> RedisCounterStore:
        return RedisCounterStore(scripts)


class TestMemoryRateLimitStore(InMemory, RateLimitStoreContract):
    @pytest.fixture
    def store(self, clock: ManualClock) -> MemoryRateLimitStore:
        return MemoryRateLimitStore(clock=clock, max_entries=100)

    @pytest.fixture
    def make_rate(self) -> type[Rate]:
        return Rate


class TestRedisRateLimitStore(InRedis, RateLimitStoreContract):
    @pytest.fixture
    def store(self, scripts: ScriptRunner) -> RedisRateLimitStore:
        return RedisRateLimitStore(scripts)

    @pytest.fixture
    def make_rate(self) -> type[Rate]:
        return Rate

    @pytest.fixture
    def let_pass(self, client: Any) -> LetPass:
        return moved(client, arrival=-1, written=-1)

    async def test_a_clock_set_back_by_an_hour_blocks_nobody_for_longer(
        self, store: Any, client: Any, make_rate: Any
    ) -> None:
        rate = make_rate(limit=1, window=60.0)
        await store.take("t\0r", 1, rate)
        await moved(client, arrival=1, written=1)(3600.0)
        refused = await store.take("t\0r", 1, rate)
        assert refused.retry_after == pytest.approx(60.0, abs=0.1)

    async def test_no_state_is_without_an_end(self, store: Any, client: Any, make_rate: Any) -> None:
        for cost, correction in ((1, 0), (0, 5), (3, -1)):
            await store.take(f"t\0{cost}", cost, make_rate(limit=5, window=60.0), correction=correction)
        lives = [await client.pttl(key) async for key in client.scan_iter()]
        assert lives
        assert min(lives) > 0


def moved(client: Any, *, arrival: int, written: int) -> LetPass:
    """Move the times that rates hold: both back is time that passes, both on is a clock that was set back."""

    async def move(seconds: float) -> None:
        by = round(seconds * 1_000_000)
        async for key in client.scan_iter(count=1000):
            at, seen = map(int, (await client.get(key)).split(b":"))
            await client.set(key, f"{at + arrival * by}:{seen + written * by}", keepttl=True)

    return move


class TestMemoryLockStore(InMemory, LockStoreContract):
    @pytest.fixture
    def store(self, clock: ManualClock) -> MemoryLockStore:
        return MemoryLockStore(clock=clock, new_token=new_token_of(itertools.count()), max_locks=100)

    @pytest.mark.parametrize("most", [1, 100])
    async def test_locks_that_ended_by_themselves_make_room_for_as_many_new_ones(
        self, clock: ManualClock, most: int
    ) -> None:
        store = MemoryLockStore(clock=clock, new_token=new_token_of(itertools.count()), max_locks=most)
        for round_of in range(2):
            for number in range(most):
                assert hasattr(await store.acquire(f"t\0{round_of}:{number}", 10.0), "token")
            with pytest.raises(ResourceExhausted, match=f"{most} locks are held") as full:
                await store.acquire("t\0one more", 10.0)
            assert full.value.reason == "LOCKS_LIMIT_EXCEEDED"
            clock.advance(10)


class TestRedisLockStore(InRedis, LockStoreContract):
    @pytest.fixture
    def store(self, scripts: ScriptRunner) -> RedisLockStore:
        return RedisLockStore(scripts, new_token=new_token_of(itertools.count()))

    async def test_fencing_tokens_grow_over_a_flush(self, store: Any, client: Any) -> None:
        before = await store.acquire("t\0l", 60.0)
        await client.flushall()
        assert (await store.acquire("t\0l", 60.0)).fencing_token > before.fencing_token


async def test_a_lock_whose_answer_came_too_late_is_given_back(redis_url: str) -> None:
    link = RedisLink(redis_url, clock=SystemClock(), wait_seconds=0.04)
    await link.probe([("PING",)])
    store = RedisLockStore(ScriptRunner(link), new_token=new_token_of(itertools.count()))
    client: Any = Redis.from_url(redis_url, socket_timeout=HANG_SECONDS)
    await client.flushall()

    async def is_known() -> bool:
        with suppress(RedisUnavailable):  # a machine that is short of time does not answer in 0.04 s at once
            await store.acquire("t\0first", 600.0)
            return True
        return False

    await until_true(is_known)  # from now on the server knows the script
    await client.execute_command("CLIENT", "PAUSE", 150, "WRITE")
    with pytest.raises(RedisUnavailable):
        await store.acquire("t\0l", 600.0)
    leaving = asyncio.create_task(store.acquire("t\0m", 600.0))
    await asyncio.wait({leaving}, timeout=0.01)
    leaving.cancel()

    async def is_free() -> bool:
        return not await client.exists(lock_key("t\0l"), lock_key("t\0m"))

    await client.set("after", b"1")  # both were taken by now
    await until_true(is_free)
    await store.close()
    await link.close()
    await client.aclose()


class TestMemoryLeaseStore(InMemory, LeaseStoreContract):
    @pytest.fixture
    def store(self, clock: ManualClock) -> MemoryLeaseStore:
        return MemoryLeaseStore(clock=clock, new_token=new_token_of(itertools.count()), max_leases=100)


class TestRedisLeaseStore(InRedis, LeaseStoreContract):
    @pytest.fixture
    def store(self, scripts: ScriptRunner) -> RedisLeaseStore:
        return RedisLeaseStore(scripts, new_token=new_token_of(itertools.count()))


class SomeSessions:
    @pytest.fixture
    def make_session(self) -> Callable[..., Session]:
        def made(id: str, data: Any) -> Session:
            return Session(id=id, user_id="u", data=data, create_time=NOW, expire_time=NOW + timedelta(hours=1))

        return made


class TestMemorySessionStore(InMemory, SomeSessions, SessionStoreContract):
    @pytest.fixture
    def store(self, clock: ManualClock) -> MemorySessionStore:
        return MemorySessionStore(clock=clock, max_sessions=100)


class TestRedisSessionStore(InRedis, SomeSessions, SessionStoreContract):
    @pytest.fixture
    def store(self, link: RedisLink) -> RedisSessionStore:
        return RedisSessionStore(link, clock=SystemClock())

    async def test_what_can_not_be_read_is_no_session(self, store: Any, client: Any, make_session: Any) -> None:
        await store.put("t\0s1", make_session(id="s1", data={}), 60.0)
        async for key in client.scan_iter(match="*}s:*"):
            await client.set(key, b"\x80not a session")
        assert await store.get("t\0s1") is None


async def test_a_server_that_lost_its_scripts_runs_them_once(redis_url: str) -> None:
    link = RedisLink(redis_url, clock=SystemClock())
    await link.probe([("PING",)])
    counters = RedisCounterStore(ScriptRunner(link))
    client: Any = Redis.from_url(redis_url, socket_timeout=HANG_SECONDS)
    for number in range(1, 6):
        await client.script_flush()
        assert await counters.increment("t\0n", 1, 0) == number
    await client.aclose()
    await link.close()


async def test_a_full_redis_counts_as_away_for_limits_and_not_as_an_outage(redis_url: str) -> None:
    link = RedisLink(redis_url, clock=SystemClock())
    await link.probe([("CONFIG", "SET", "maxmemory", "1")])
    try:
        with pytest.raises(RedisUnavailable, match="OOM"):
            await RedisRateLimitStore(ScriptRunner(link)).take("t\0r", 1, Rate(limit=5, window=60.0))
        assert link.up
    finally:
        await link.probe([("CONFIG", "SET", "maxmemory", "0")])
        await link.close()
