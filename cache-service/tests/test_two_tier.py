"""Replicas of cache-service over one real Redis, which is killed, hung and brought back."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from cache_service.domain.entry import Condition, Entry, EntryInput
from cache_service.domain.partition import Partition
from cache_service.domain.rate_limit import Rate
from penstock_kit.clock import SystemClock
from penstock_kit.errors import FailedPrecondition, Unavailable
from penstock_testkit.contracts.cache_backend import CacheBackendContract
from penstock_testkit.redis_time import let_redis_pass, redis_client
from penstock_testkit.servers.process import free_port
from penstock_testkit.servers.redis import OwnRedis
from penstock_testkit.waiting import HANG_SECONDS, until_true

CLOCK = SystemClock()
TENANT = Partition(tenant="t")


class TestTwoTierBackend(CacheBackendContract):
    @pytest.fixture
    async def backend(self, redis_url: str, replica: Any, in_use: Any) -> AsyncIterator[Any]:
        async with replica(redis_url, CACHE_LOCAL_ENTRIES=100) as each:
            await in_use(each)
            yield each.stores.backend

    @pytest.fixture
    def make_entry(self) -> Callable[..., Entry]:
        def make(
            key: str, value: bytes = b"v", *, ttl: float = 60.0, tags: Sequence[str] = (), negative: bool = False
        ) -> Entry:
            return Entry(key=key, value=value, expire_at=CLOCK.monotonic() + ttl, tags=tuple(tags), negative=negative)

        return make

    @pytest.fixture
    def make_condition(self) -> type[Condition]:
        return Condition

    @pytest.fixture
    def let_pass(self, redis_url: str) -> Any:
        async def passes(seconds: float) -> None:
            client = redis_client(redis_url)
            await let_redis_pass(client, seconds)
            await client.aclose()

        return passes


async def test_a_second_read_is_answered_by_a_copy(two: Sequence[Any]) -> None:
    here, there = two
    await here.put("a", b"1")
    assert (await there.services.cache.get(TENANT, "a")).tier == "redis"
    # The word of the write may still be under way, and voids the copy that was taken before it was heard.
    await until_true(lambda: answered_by(there, "a", "l1"))


async def answered_by(at: Any, key: str, tier: str) -> bool:
    return (await at.services.cache.get(TENANT, key)).tier == tier


async def test_a_writer_reads_its_own_write_at_once_and_the_other_replica_soon(two: Sequence[Any]) -> None:
    here, there = two
    for number in range(200):
        value = f"{number}".encode()
        await here.value("a")
        await there.value("a")
        await here.put("a", value)
        assert await here.value("a") == value
        took = await until_true(lambda value=value: reads(there, "a", value))
        assert took < 30


async def reads(at: Any, key: str, value: bytes | None) -> bool:
    return await at.value(key) == value


@pytest.mark.parametrize("how", ["delete", "prefix", "tag"])
async def test_what_is_invalidated_at_one_replica_is_gone_at_the_other(two: Sequence[Any], how: str) -> None:
    here, there = two
    await here.put("a:1", b"1", tags=("red",))
    assert await there.value("a:1") == b"1"
    match how:
        case "delete":
            await here.services.cache.delete(TENANT, ["a:1"])
        case "prefix":
            await here.services.cache.invalidate(TENANT, prefix="a:", tag="")
        case _:
            await here.services.cache.invalidate(TENANT, prefix="", tag="red")
    await until_true(lambda: reads(there, "a:1", None))


async def test_a_waiter_at_the_other_replica_wakes_when_the_value_is_there(two: Sequence[Any]) -> None:
    here, there = two
    lease = await here.services.cache.lease(TENANT, "a", seconds=60.0, wait=0.0)
    waiting = asyncio.create_task(there.services.cache.lease(TENANT, "a", seconds=HANG_SECONDS, wait=HANG_SECONDS))
    await asyncio.sleep(0)
    entry_input = EntryInput(key="a", value=b"made", ttl=60.0)
    await here.services.cache.set(
        TENANT, entry_input, Condition(generation=lease.lookup.generation), lease_token=lease.token
    )
    found = await waiting
    assert found.lookup.entry is not None
    assert (found.token, found.lookup.entry.value) == ("", b"made")


async def test_of_200_cold_callers_over_both_one_loads(two: Sequence[Any]) -> None:
    loads = 0

    async def ask(at: Any) -> bytes | None:
        nonlocal loads
        lease = await at.services.cache.lease(TENANT, "hot", seconds=HANG_SECONDS, wait=HANG_SECONDS)
        if lease.token:
            loads += 1
            await asyncio.sleep(0.02)
            await at.services.cache.set(TENANT, EntryInput(key="hot", value=b"v", ttl=60.0), lease_token=lease.token)
            return b"v"
        return lease.lookup.entry.value if lease.lookup.entry else None

    answers = await asyncio.gather(*(ask(two[number % 2]) for number in range(200)))
    assert (set(answers), loads) == ({b"v"}, 1)


async def test_one_reader_over_both_renews_a_value_near_its_end(two: Sequence[Any]) -> None:
    entry_input = EntryInput(key="hot", value=b"v", ttl=30.0)
    lease = await two[0].services.cache.lease(TENANT, "hot", seconds=60.0, wait=0.0)
    await two[0].services.cache.set(TENANT, entry_input, lease_token=lease.token)
    claims = [each.stores.claims for each in two]
    taken = await asyncio.gather(*(claim.claim("t\0hot", 60.0) for claim in claims for _ in range(5) if claim))
    assert sum(taken) == 1


async def test_a_lock_is_held_over_both_and_its_release_wakes_the_other(two: Sequence[Any]) -> None:
    here, there = two
    held = await here.services.locks.acquire("t\0l", ttl=60.0, wait=0.0)
    assert held is not None
    waiting = asyncio.create_task(there.services.locks.acquire("t\0l", ttl=60.0, wait=HANG_SECONDS))
    await asyncio.sleep(0)
    await here.services.locks.release("t\0l", token=held.token)
    grant = await waiting
    assert grant is not None
    assert grant.fencing_token > held.fencing_token


async def test_without_redis_everything_goes_on_here_and_with_it_again(
    redis: Any, replica: Any, in_use: Any, given_up: Any
) -> None:
    async with replica(redis.url) as alone:
        await in_use(alone)
        await alone.put("a", b"before")
        assert redis.process is not None
        redis.process.kill()
        assert await alone.value("never") is None
        await given_up(alone)
        assert await alone.put("b", b"during")
        assert await alone.value("b") == b"during"
        lease = await alone.services.cache.lease(TENANT, "c", seconds=60.0, wait=0.0)
        assert lease.token
        redis.start()
        await in_use(alone)
        assert await alone.value("b") is None, "what was kept here during the outage is not used after it"
        assert await alone.put("b", b"after")
        assert await answered_by(alone, "b", "redis")


async def test_a_value_changed_during_an_outage_never_comes_back_old(
    two: Sequence[Any], redis: Any, in_use: Any, given_up: Any
) -> None:
    here, there = two
    for name in ("set", "deleted", "cards:1", "tagged"):
        await here.put(name, b"old", tags=("red",) if name == "tagged" else ())
    assert redis.process is not None
    redis.process.hang()
    await here.value("never")
    await there.value("never")
    await given_up(here, there)
    await here.put("set", b"new")
    await here.services.cache.delete(TENANT, ["deleted"])
    await here.services.cache.invalidate(TENANT, prefix="cards:", tag="")
    await there.services.cache.invalidate(TENANT, prefix="", tag="red")
    redis.process.resume()
    await in_use(here, there)
    for at in two:
        for name in ("set", "deleted", "cards:1", "tagged"):
            await until_true(lambda at=at, name=name: not_old(at, name))
            assert await at.value(name) != b"old"


async def not_old(at: Any, key: str) -> bool:
    return await at.value(key) != b"old"


async def test_more_changes_than_can_be_remembered_drop_everything(
    redis: Any, replica: Any, in_use: Any, given_up: Any
) -> None:
    async with replica(redis.url) as alone:
        await in_use(alone)
        await alone.put("kept", b"old")
        assert redis.process is not None
        redis.process.hang()
        await alone.value("never")
        await given_up(alone)
        for start in range(0, 11_000, 1000):
            await alone.services.cache.delete(TENANT, [f"k{number}" for number in range(start, start + 1000)])
        redis.process.resume()
        await in_use(alone)
        assert await alone.value("kept") is None


async def test_a_limit_is_shared_out_while_redis_is_away_and_settled_after(
    two: Sequence[Any], redis: Any, in_use: Any, given_up: Any
) -> None:
    rate = Rate(limit=10, window=3600.0)
    await until_true(lambda: knows_both(two, redis))
    assert redis.process is not None
    redis.process.hang()
    await two[0].value("never")
    await two[1].value("never")
    await given_up(*two)
    allowed = [(await each.services.rate_limits.take("t\0r", 1, rate)).allowed for each in two for _ in range(10)]
    assert sum(allowed) == 10, "five at each"
    redis.process.resume()
    await in_use(*two)
    await until_true(lambda: has_left(two[0], rate, 0))


async def knows_both(two: Sequence[Any], redis: Any) -> bool:
    """Whether each replica has counted the other: then half of a limit is each one's."""
    del redis
    stores = [each.stores.rate_limits for each in two]
    return all(store.share_of(Rate(limit=10, window=1.0), 1).limit == 5 for store in stores)  # type: ignore[attr-defined]


async def has_left(at: Any, rate: Rate, count: int) -> bool:
    return (await at.services.rate_limits.take("t\0r", 0, rate)).remaining == count


async def test_counters_are_added_up_when_redis_is_back(
    two: Sequence[Any], redis: Any, in_use: Any, given_up: Any
) -> None:
    here, there = two
    await here.services.counters.increment("t\0n", 5, 0)
    assert redis.process is not None
    redis.process.hang()
    await here.value("never")
    await there.value("never")
    await given_up(here, there)
    await here.services.counters.increment("t\0n", 2, 0)
    await there.services.counters.increment("t\0n", 3, 0)
    redis.process.resume()
    await in_use(here, there)
    await until_true(lambda: counts(here, 10))
    assert await there.services.counters.increment("t\0n", 0, 0) == 10


async def counts(at: Any, value: int) -> bool:
    return await at.services.counters.increment("t\0n", 0, 0) == value


async def test_without_redis_locks_are_refused_and_sessions_only_read(
    redis: Any, replica: Any, in_use: Any, given_up: Any
) -> None:
    async with replica(redis.url) as alone:
        await in_use(alone)
        options: Any = {"user_id": "u", "data": {"a": b"1"}, "ttl": 60.0}
        session = await alone.services.sessions.put(TENANT, session_id="", **options)
        assert redis.process is not None
        redis.process.hang()
        await alone.value("never")
        await given_up(alone)
        with pytest.raises(Unavailable) as refused:
            await alone.services.locks.acquire("t\0l", ttl=60.0, wait=0.0)
        assert refused.value.reason == "LOCKS_UNAVAILABLE"
        assert await alone.services.sessions.get(TENANT, session_id=session.id) == session
        with pytest.raises(Unavailable) as unchanged:
            await alone.services.sessions.put(TENANT, session_id=session.id, **options)
        assert unchanged.value.reason == "SESSIONS_UNAVAILABLE"
        redis.process.resume()
        await in_use(alone)
        assert await alone.services.locks.acquire("t\0l", ttl=60.0, wait=0.0) is not None


async def test_a_session_ended_during_an_outage_never_comes_back(
    two: Sequence[Any], redis: Any, in_use: Any, given_up: Any
) -> None:
    first, second = two
    options: Any = {"user_id": "u", "data": {"a": b"1"}, "ttl": 60.0}
    session = await first.services.sessions.put(TENANT, session_id="", **options)
    assert await second.services.sessions.get(TENANT, session_id=session.id) == session
    assert redis.process is not None
    redis.process.hang()
    await given_up(first, second)
    with pytest.raises(Unavailable):
        await first.services.sessions.delete(TENANT, session_id=session.id)
    assert await first.services.sessions.get(TENANT, session_id=session.id) is None
    redis.process.resume()
    await in_use(first, second)

    async def is_gone() -> bool:
        return await second.services.sessions.get(TENANT, session_id=session.id) is None

    await until_true(is_gone)
    for each in two:
        with pytest.raises(FailedPrecondition) as refused:
            await each.services.sessions.put(TENANT, session_id=session.id, **options)
        assert refused.value.reason == "SESSION_CONFLICT"


async def test_the_service_starts_without_redis_and_uses_it_when_it_comes(replica: Any, in_use: Any) -> None:
    late = OwnRedis(free_port())
    async with replica(late.url) as alone:
        assert await alone.put("a", b"1")
        assert await alone.value("a") == b"1"
        late.start()
        await in_use(alone)
        assert await alone.put("a", b"2")
        assert await answered_by(alone, "a", "redis")
    late.stop()


async def test_an_outage_is_one_line_in_the_log(
    redis: Any, capsys: pytest.CaptureFixture[str], replica: Any, in_use: Any, given_up: Any
) -> None:
    async with replica(redis.url) as alone:
        await in_use(alone)
        assert redis.process is not None
        redis.process.kill()
        await asyncio.gather(*(alone.value(f"k{number}") for number in range(300)))
        await given_up(alone)
        for number in range(50):
            await alone.put(f"k{number}", b"v")
    assert capsys.readouterr().out.count("redis is away") == 1
