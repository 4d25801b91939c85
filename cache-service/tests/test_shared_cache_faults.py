"""What went wrong in shared caches elsewhere, provoked here against a real Redis."""

import asyncio
import random
import statistics
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest

from cache_service.adapters.redis.backend import RedisBackend
from cache_service.domain.entry import ALWAYS, Condition, Entry, EntryInput
from cache_service.domain.partition import Partition
from cache_service.domain.rate_limit import Rate
from penstock_kit.clock import SystemClock
from penstock_kit.errors import PenstockError
from penstock_kit.redis.link import RedisLink
from penstock_testkit.redis_time import redis_client
from penstock_testkit.servers.process import free_port
from penstock_testkit.servers.redis import OwnRedis
from penstock_testkit.waiting import HANG_SECONDS, assert_within, until, until_true

TENANT = Partition(tenant="t")
CLOCK = SystemClock()
# How long a counter lives: longer than a test that reads it in the end.
LIFE_SECONDS = 3_600.0
VALUE_KEY = "{penstock:cache:1}v:t\0"


@pytest.fixture
async def admin(redis: Any) -> Any:
    """A connection of the test's own to its Redis."""
    client: Any = redis_client(redis.url)
    yield client
    await client.aclose()


@pytest.fixture
async def backend(redis: Any) -> Any:
    """Values in Redis, without copies and without anything to go on with."""
    link = RedisLink(redis.url, clock=CLOCK, timeout=HANG_SECONDS)
    await link.probe([("PING",)])
    yield RedisBackend(link, clock=CLOCK)
    await link.close()


def entry_of(key: str, value: bytes = b"v", *, ttl: float = 600.0, tags: Sequence[str] = ()) -> Entry:
    return Entry(key=f"t\0{key}", value=value, expire_at=CLOCK.monotonic() + ttl, tags=tuple(f"t\0{t}" for t in tags))


async def put_all(backend: Any, entries: Sequence[Entry]) -> None:
    for start in range(0, len(entries), 1_000):
        await asyncio.gather(*(backend.set(entry, ALWAYS) for entry in entries[start : start + 1_000]))


async def work(at: Any, number: int) -> None:
    services = at.services
    await at.value(f"k{number}")
    await at.put(f"k{number}", b"v" * 100)
    await services.rate_limits.take(f"t\0r{number}", 1, Rate(limit=5, window=60.0))
    await services.counters.increment(f"t\0n{number}", 1, LIFE_SECONDS)
    await services.cache.delete(TENANT, [f"k{number}"])
    with suppress(PenstockError):
        await services.locks.acquire(f"t\0l{number}", ttl=60.0, wait=0.0)


async def test_an_outage_of_any_length_takes_no_more_memory_and_no_more_tasks(
    redis: Any, replica: Any, in_use: Any, given_up: Any
) -> None:
    bounds = {"CACHE_MAX_ENTRIES": 500, "CACHE_MAX_COUNTERS": 500, "CACHE_MAX_LOCKS": 500}
    async with replica(redis.url, **bounds) as alone:
        await in_use(alone)
        redis.running.hang()
        await given_up(alone)
        for number in range(2_500):  # until every bound is reached
            await work(alone, number)
        tasks = len(asyncio.all_tasks())
        tracemalloc.start()
        try:
            for number in range(2_500, 5_000):
                await work(alone, number)
            grown, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert len(asyncio.all_tasks()) <= tasks + 5
        assert grown < 8_000_000, "what is remembered of an outage is bounded"
        redis.running.resume()
        assert_within(await timed(in_use(alone)), 5.0, "using Redis again")


async def timed(waiting: Any) -> float:
    began = time.monotonic()
    await waiting
    return time.monotonic() - began


@pytest.mark.parametrize("kind", ["random", "repetitive"])
@pytest.mark.alone
async def test_values_of_8_megabytes_hold_up_no_small_ones(redis: Any, replica: Any, in_use: Any, kind: str) -> None:
    value = random.Random(1).randbytes(8 << 20) if kind == "random" else b"row;" * (2 << 20)
    async with replica(redis.url, CACHE_LOCAL_ENTRIES=0) as alone:
        await in_use(alone)
        await asyncio.gather(*(alone.put(f"k{number}", b"v" * 200) for number in range(50)))
        took: list[float] = []
        breakers: set[str] = set()
        putting = asyncio.create_task(put_large(alone, value, 8))
        began, number, missed = time.monotonic(), 0, 0
        while not putting.done():
            await asyncio.sleep(max(0.0, began + number / 1_000 - time.monotonic()))
            asked = time.monotonic()
            found = await alone.value(f"k{number % 50}")
            assert found in (b"v" * 200, None)
            missed += found is None  # a machine that is short of time: its caller went on without
            took.append(time.monotonic() - asked)
            breakers.add(alone.breaker)
            number += 1
        assert await putting == 8
        assert breakers == {"closed"}
        assert missed <= number / 10
        await alone.put("large", value)

        async def is_whole() -> bool:
            return await alone.value("large") == value

        await until_true(is_whole)
        assert_within(statistics.quantiles(took, n=100)[98], 0.005, "a small value beside large ones")


async def put_large(at: Any, value: bytes, times: int) -> int:
    """Put a large value so often; return how often it was taken."""
    taken = 0
    for _ in range(times):
        taken += await at.put("large", value)
        await asyncio.sleep(0.05)
    return taken


async def test_a_large_value_obeys_the_conditions_of_a_write_and_leaves_nothing_behind(
    backend: Any, admin: Any
) -> None:
    large = random.Random(2).randbytes(100_000)
    generation = (await backend.get("t\0a")).generation
    assert await backend.set(entry_of("a", large), Condition(generation=generation))
    assert not await backend.set(entry_of("a", large), Condition(only_if_absent=True))
    await backend.delete(["t\0a"])
    assert not await backend.set(entry_of("a", large), Condition(generation=generation))
    assert (await backend.get("t\0a")).entry is None
    assert await backend.set(entry_of("a", large, tags=("red",)), ALWAYS)
    assert (await backend.get("t\0a")).entry.value == large
    assert [entry.value for entry in await backend.get_many(["t\0a"])] == [large]
    assert [key async for key in admin.scan_iter(match="*}n:*")] == []
    assert await backend.invalidate(tag="t\0red") == ["t\0a"]


async def test_dropping_a_tag_of_30000_values_holds_nobody_up_and_looks_at_no_other_key(
    backend: Any, admin: Any
) -> None:
    await put_all(backend, [entry_of(f"k:{number}", tags=("red",)) for number in range(30_000)])
    await put_all(backend, [entry_of(f"other:{number}") for number in range(100)])
    await admin.config_resetstat()
    assert len(await backend.invalidate(tag="t\0red")) == 30_000
    commands = await admin.info("commandstats")
    steps = commands["cmdstat_evalsha"]
    assert steps["calls"] > 50
    assert_within(steps["usec_per_call"] / 1e6, 0.01, "a step, while which the server does nothing else,")
    assert not {"cmdstat_keys", "cmdstat_scan", "cmdstat_flushdb"} & set(commands)
    assert (await backend.get("t\0other:7")).entry is not None


async def test_an_invalidation_reaches_every_value_while_others_in_its_index_come_and_go(backend: Any) -> None:
    await put_all(backend, [entry_of(f"cards:kept:{number}", ttl=60.0) for number in range(2_000)])
    await put_all(backend, [entry_of(f"cards:gone:{number}") for number in range(2_000)])
    invalidating = asyncio.create_task(backend.invalidate(prefix="t\0cards:gone:"))
    number = 0
    while not invalidating.done():
        await backend.set(entry_of(f"cards:kept:{number % 2_000}"), ALWAYS)  # moves to the end of the index
        number += 1
    assert len(await invalidating) == 2_000
    left = await backend.get_many([f"t\0cards:gone:{number}" for number in range(2_000)])
    assert left == [None] * 2_000


async def test_a_prefix_within_the_first_segment_reaches_segments_beyond_one_slice(backend: Any) -> None:
    await put_all(backend, [entry_of(f"card{number}") for number in range(1_500)])
    await put_all(backend, [entry_of("cat"), entry_of("dog:1")])
    assert len(await backend.invalidate(prefix="t\0card")) == 1_500
    assert (await backend.get("t\0cat")).entry is not None


async def test_what_ended_leaves_its_index_a_little_with_each_write(backend: Any, admin: Any) -> None:
    await backend.set(entry_of("k:long", tags=("red",)), ALWAYS)
    await put_all(backend, [entry_of(f"k:{number}", tags=("red",)) for number in range(300)])
    index = "{penstock:cache:1}t:t\0red"
    await admin.zadd(index, {f"t\0k:{number}": 1 + number for number in range(300)})  # they ended long ago
    await backend.set(entry_of("k:long", tags=("red",)), ALWAYS)
    assert await admin.zcard(index) > 200, "one write does not pay for all of them"
    for _ in range(10):
        await backend.set(entry_of("k:long", tags=("red",)), ALWAYS)
    assert await admin.zcard(index) == 1


async def test_a_key_with_100_ms_left_is_gone_everywhere_when_they_are_over(two: Sequence[Any], admin: Any) -> None:
    here, there = two
    await here.put("short", b"v", ttl=30.0)
    await until_true(lambda: answered_by_copy(there, "short"))
    # Its life is cut in Redis alone: the copies taken from now on must not outlive it.
    await admin.pexpire(f"{VALUE_KEY}short", 100)
    began = time.monotonic()
    for at in two:
        at.stores.signals.publish(reset_signal())
        await at.value("short")
    assert not await admin.persist(f"{VALUE_KEY}never")
    await until(lambda: time.monotonic() - began > 0.1)
    assert [await at.value("short") for at in two] == [None, None]


def reset_signal() -> Any:
    from cache_service.domain.signals import Signal

    return Signal(reset=True)


async def answered_by_copy(at: Any, key: str) -> bool:
    return (await at.services.cache.get(TENANT, key)).tier == "l1"


DAMAGES = [
    b"",
    b"P1",
    b"P2" + b"7" * 16 + b"another release's",
    b"P1" + b"x" * 60,
    b"\x80\x04.",
]


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_value_that_is_damaged_or_of_another_release_is_a_miss_and_no_write_fails_on_it(
    backend: Any, admin: Any, damage: bytes
) -> None:
    async def damage_it() -> None:
        await backend.set(entry_of("a:1", b"fine", tags=("red",)), ALWAYS)
        await admin.set(f"{VALUE_KEY}a:1", damage, px=60_000)

    await damage_it()
    assert (await backend.get("t\0a:1")).entry is None
    assert backend.damaged == 1
    assert await backend.get_many(["t\0a:1"]) == [None]
    assert not await admin.exists(f"{VALUE_KEY}a:1"), "what nobody can read is cleared away"
    await damage_it()
    generation = (await backend.get("t\0b")).generation
    assert await backend.set(entry_of("a:1", b"anew"), Condition(generation=generation))
    await damage_it()
    assert await backend.set(entry_of("a:1", b"anew"), Condition(only_if_absent=True))
    for drop in (
        lambda: backend.delete(["t\0a:1"]),
        lambda: backend.invalidate(prefix="t\0a:"),
        lambda: backend.invalidate(tag="t\0red"),
    ):
        await damage_it()
        assert await drop() == []
        assert not await admin.exists(f"{VALUE_KEY}a:1"), "what nobody can read is cleared away"


async def test_two_releases_on_one_redis_leave_each_others_values_alone(two: Sequence[Any], admin: Any) -> None:
    here, there = two
    for number in range(50):
        await here.put(f"k{number}", b"ours")
        await admin.set(VALUE_KEY.replace(":1}", ":2}") + f"k{number}", b"P2theirs", px=60_000)
    await there.services.cache.invalidate(TENANT, prefix="k1", tag="")
    hits = [await there.value(f"k{number}") for number in range(50)]
    assert hits.count(b"ours") == 39
    assert await admin.get(VALUE_KEY.replace(":1}", ":2}") + "k10") == b"P2theirs"
    assert [at.stores.backend.usage().errors for at in two] == [0, 0]


async def test_a_loader_that_dies_with_200_waiters_over_two_replicas_costs_one_more_load(two: Sequence[Any]) -> None:
    loads = 0
    dead = await two[0].services.cache.lease(TENANT, "hot", seconds=0.5, wait=0.0)
    assert dead.token

    async def ask(at: Any) -> bytes | None:
        nonlocal loads
        lease = await at.services.cache.lease(TENANT, "hot", seconds=HANG_SECONDS, wait=HANG_SECONDS)
        if lease.token:
            loads += 1
            await at.services.cache.set(TENANT, EntryInput(key="hot", value=b"v", ttl=60.0), lease_token=lease.token)
            return b"v"
        return lease.lookup.entry.value if lease.lookup.entry else None

    async with asyncio.timeout(HANG_SECONDS):
        answers = await asyncio.gather(*(ask(two[number % 2]) for number in range(200)))
    assert (set(answers), loads) == ({b"v"}, 1)


async def test_after_a_storm_of_cut_connections_no_rate_or_counter_is_without_an_end(
    two: Sequence[Any], admin: Any
) -> None:
    stop = asyncio.Event()

    async def cut() -> None:
        while not stop.is_set():
            await admin.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            await asyncio.sleep(0.01)

    cutting = asyncio.create_task(cut())
    for number in range(600):
        at = two[number % 2]
        rate = Rate(limit=1_000, window=60.0)
        await asyncio.gather(
            at.services.rate_limits.take(f"t\0r{number % 40}", 1, rate),
            at.services.counters.increment(f"t\0n{number % 40}", 1, 60.0),
            at.services.cache.lease(TENANT, f"l{number}", seconds=30.0, wait=0.0),
        )
    stop.set()
    await cutting
    await until(lambda: all(at.breaker == "closed" for at in two))
    lives = {
        key: await admin.pttl(key)
        for kind in ("r", "c", "l")
        async for key in admin.scan_iter(match=f"*}}{kind}:*", count=1_000)
    }
    assert lives
    assert [key for key, life in lives.items() if life == -1] == []


async def test_a_server_that_forgets_its_scripts_every_100_ms_fails_nobody(two: Sequence[Any], admin: Any) -> None:
    stop = asyncio.Event()

    async def forget() -> int:
        times = 0
        while not stop.is_set():
            await admin.script_flush()
            times += 1
            await asyncio.sleep(0.1)
        return times

    forgetting = asyncio.create_task(forget())
    for number in range(400):
        at = two[number % 2]
        await asyncio.gather(*(work(at, number * 3 + each) for each in range(3)))
    stop.set()
    assert await forgetting >= 2
    assert [at.breaker for at in two] == ["closed", "closed"]
    assert sum([await two[0].services.counters.increment(f"t\0n{n}", 0, LIFE_SECONDS) for n in range(1_200)]) == 1_200
    assert [at.stores.backend.usage().errors for at in two] == [0, 0]


async def test_a_stall_of_300_ms_under_load_is_one_line_at_most_and_fails_nobody(
    redis: Any, two: Sequence[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    async def load() -> None:
        for number in range(200):
            await asyncio.gather(*(work(at, number) for at in two))

    loading = asyncio.create_task(load())
    await asyncio.sleep(0)
    redis.running.hang()
    await asyncio.sleep(0.3)
    redis.running.resume()
    await loading
    await until(lambda: all(at.breaker == "closed" for at in two))
    lines = capsys.readouterr().out
    assert lines.count("redis is away") <= 2, "one of each replica"


async def test_a_change_that_was_never_sent_is_made_up_for_without_an_outage(redis: Any, two: Sequence[Any]) -> None:
    here, there = two
    await here.put("a", b"old")
    redis.running.hang()
    # More than the connection takes: what comes now is not even sent.
    waiting = [asyncio.create_task(here.value(f"k{number}")) for number in range(20_500)]
    await asyncio.sleep(0)
    await here.services.cache.delete(TENANT, ["a"])
    redis.running.resume()
    await asyncio.gather(*waiting)

    async def gone() -> bool:
        return await there.value("a") is None and await here.value("a") is None

    await until_true(gone)
    await until(lambda: here.breaker == "closed")


@pytest.fixture
def cluster() -> Iterator[OwnRedis]:
    """A Redis that is a cluster of one node; its nodes talk at its port + 10,000."""
    own = OwnRedis(free_port())
    own.start("--cluster-enabled", "yes")
    yield own
    own.stop()


async def test_a_server_that_is_a_cluster_of_one_node_does_everything(
    cluster: OwnRedis, replica: Any, in_use: Any
) -> None:
    redis = cluster
    client: Any = redis_client(redis.url)
    for start in range(0, 16_384, 4_096):
        await client.execute_command("CLUSTER", "ADDSLOTS", *range(start, start + 4_096))

    async def is_formed() -> bool:
        known: Any = await client.execute_command("CLUSTER INFO")
        return known["cluster_state"] == "ok"

    await until_true(is_formed)
    await client.aclose()
    chance = random.Random(1)
    async with replica(redis.url) as one, replica(redis.url) as other:
        await in_use(one, other)
        for number in range(50):
            await work(chance.choice((one, other)), number)
        await one.put("cards:1", b"v", tags=("red",))
        await one.put("cards:2", random.Random(2).randbytes(100_000), tags=("red",))
        assert await other.value("cards:1") == b"v"
        assert await other.services.cache.invalidate(TENANT, prefix="cards:1", tag="red") == 2
        options: Any = {"user_id": "u", "data": {"a": b"1"}, "ttl": 60.0}
        session = await one.services.sessions.put(TENANT, session_id="", **options)
        assert await other.services.sessions.get(TENANT, session_id=session.id) == session
        assert [at.stores.backend.usage().errors for at in (one, other)] == [0, 0]
