"""Cached values in a real Redis: the contract of every backend, and what is Redis' own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from redis.asyncio import Redis

from cache_service.adapters.redis.backend import RedisBackend
from cache_service.adapters.redis.entry_codec import decoded, encoded
from cache_service.domain.entry import ALWAYS, Condition, Entry
from penstock_kit.clock import SystemClock
from penstock_kit.redis.link import RedisLink
from penstock_testkit.contracts.cache_backend import CacheBackendContract
from penstock_testkit.redis_time import let_redis_pass
from penstock_testkit.waiting import HANG_SECONDS

CLOCK = SystemClock()


def entry_of(key: str, value: bytes = b"v", *, ttl: float = 60.0, tags: Sequence[str] = ()) -> Entry:
    return Entry(key=f"t\0{key}", value=value, expire_at=CLOCK.monotonic() + ttl, tags=tuple(f"t\0{t}" for t in tags))


@pytest.fixture
async def link(redis_url: str) -> AsyncIterator[RedisLink]:
    link = RedisLink(redis_url, clock=CLOCK, timeout=HANG_SECONDS)
    await link.probe([("PING",)])
    yield link
    await link.close()


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Any]:
    client = Redis.from_url(redis_url, socket_timeout=HANG_SECONDS)
    yield client
    await client.aclose()


@pytest.fixture
def backend(link: RedisLink) -> RedisBackend:
    return RedisBackend(link, clock=CLOCK)


class TestRedisBackend(CacheBackendContract):
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
    def let_pass(self, client: Any) -> Any:
        async def passes(seconds: float) -> None:
            await let_redis_pass(client, seconds)

        return passes


async def test_what_one_replica_writes_the_other_reads(redis_url: str, backend: RedisBackend) -> None:
    other_link = RedisLink(redis_url, clock=CLOCK, timeout=HANG_SECONDS)
    await other_link.probe([("PING",)])
    other = RedisBackend(other_link, clock=CLOCK)
    generation = (await other.get("t\0a")).generation
    await backend.set(entry_of("a", b"1", tags=("red",)), ALWAYS)
    reading = await other.get("t\0a")
    assert reading.entry is not None
    assert (reading.entry.value, reading.tier) == (b"1", "redis")
    assert not await other.set(entry_of("a", b"stale"), Condition(generation=generation))
    await other_link.close()


async def test_a_value_keeps_its_tags_its_load_time_and_its_life(backend: RedisBackend) -> None:
    kept = Entry(
        key="t\0a", value=b"x" * 5000, expire_at=CLOCK.monotonic() + 9, tags=("t\0ü", "t\0b"), load_seconds=1.25
    )
    await backend.set(kept, ALWAYS)
    entry = (await backend.get("t\0a")).entry
    assert entry is not None
    assert (entry.value, entry.tags, entry.load_seconds) == (kept.value, kept.tags, 1.25)
    assert entry.expire_at == pytest.approx(kept.expire_at, abs=0.5)


async def test_repetitive_values_take_less_room_and_random_ones_no_more(backend: RedisBackend, client: Any) -> None:
    await backend.set(entry_of("a", b"row;" * 10_000), ALWAYS)
    assert len(await client.get("{penstock:cache:1}v:t\0a")) < 1000


@pytest.mark.parametrize("damage", [b"", b"P1", b"P0123", b"\x80\x04pickled", b"P1" + b"x" * 60])
async def test_a_damaged_value_is_a_miss_that_is_counted(backend: RedisBackend, client: Any, damage: bytes) -> None:
    await client.set("{penstock:cache:1}v:t\0a", damage, px=60_000)
    assert (await backend.get("t\0a")).entry is None
    assert backend.damaged == 1


async def test_a_flipped_bit_is_found_by_the_checksum(backend: RedisBackend, client: Any) -> None:
    await backend.set(entry_of("a", b"precious"), ALWAYS)
    data = await client.get("{penstock:cache:1}v:t\0a")
    await client.set("{penstock:cache:1}v:t\0a", data[:-1] + bytes([data[-1] ^ 1]), px=60_000)
    assert (await backend.get("t\0a")).entry is None


async def test_a_flush_voids_the_fills_that_began_before_it(backend: RedisBackend, client: Any) -> None:
    await backend.set(entry_of("other"), ALWAYS)
    generation = (await backend.get("t\0a")).generation
    await client.flushall()
    await backend.set(entry_of("other"), ALWAYS)
    assert not await backend.set(entry_of("a", b"stale"), Condition(generation=generation))


async def test_a_reset_drops_everything_at_once_and_is_written_to_as_before(backend: RedisBackend) -> None:
    await backend.set(entry_of("a", tags=("red",)), ALWAYS)
    await backend.reset()
    assert (await backend.get("t\0a")).entry is None
    assert await backend.get_many(["t\0a"]) == [None]
    assert await backend.delete(["t\0a"]) == []
    assert await backend.set(entry_of("a", b"new"), Condition(only_if_absent=True))
    reading = await backend.get("t\0a")
    assert reading.entry is not None
    assert reading.entry.value == b"new"


async def test_a_tag_with_many_keys_is_dropped_in_slices(backend: RedisBackend) -> None:
    await asyncio.gather(*(backend.set(entry_of(f"k:{n}", tags=("red",)), ALWAYS) for n in range(1700)))
    await backend.set(entry_of("k:kept"), ALWAYS)
    assert len(await backend.invalidate(tag="t\0red")) == 1700
    assert (await backend.get("t\0k:kept")).entry is not None
    assert await backend.invalidate(prefix="t\0k:") == ["t\0k:kept"]


async def test_indexes_end_with_what_they_index(backend: RedisBackend, client: Any) -> None:
    for number in range(50):
        await backend.set(entry_of(f"k:{number}", ttl=5.0, tags=("red", f"t{number}")), ALWAYS)
    await let_redis_pass(client, 6.0)
    left = sorted([key async for key in client.scan_iter()])
    assert left == [b"{penstock:cache:1}beginning", b"{penstock:cache:1}generation"]


async def test_more_prefixes_than_are_remembered_refuse_every_earlier_fill(backend: RedisBackend) -> None:
    await backend.set(entry_of("x"), ALWAYS)
    generation = (await backend.get("t\0a")).generation
    for number in range(1100):
        await backend.invalidate(prefix=f"t\0p{number}:")
    assert not await backend.set(entry_of("a"), Condition(generation=generation))
    fresh = (await backend.get("t\0a")).generation
    assert await backend.set(entry_of("a"), Condition(generation=fresh))


async def test_a_full_redis_takes_no_value_and_still_forgets(backend: RedisBackend, client: Any) -> None:
    await backend.set(entry_of("a", tags=("red",)), ALWAYS)
    generation = (await backend.get("t\0a")).generation
    await client.config_set("maxmemory", "1")
    try:
        assert not await backend.set(entry_of("b"), ALWAYS)
        assert backend.dropped == 1
        assert await backend.invalidate(tag="t\0red") == ["t\0a"]
    finally:
        await client.config_set("maxmemory", "0")
    assert not await backend.set(entry_of("a", b"stale"), Condition(generation=generation))


async def test_a_sample_tells_how_much_the_server_holds(backend: RedisBackend) -> None:
    await backend.set(entry_of("a"), ALWAYS)
    await backend.sample()
    assert backend.usage().entries > 0
    assert backend.usage().size > 100_000


def test_encoding_is_undone_by_decoding() -> None:
    entry = Entry(key="t\0a", value=b"\x00\xff", expire_at=0.0, tags=("t\0x",), negative=False, load_seconds=0.5)
    stored = decoded("t\0a", b"P1" + b"1700000000000001" + encoded(entry))
    assert stored is not None
    assert stored == (1700000000000001, entry)


async def test_a_value_that_finds_no_room_leaves_no_older_one_behind(backend: RedisBackend, client: Any) -> None:
    await backend.set(entry_of("a", b"old"), ALWAYS)
    await client.config_set("maxmemory", "1")
    try:
        assert not await backend.set(entry_of("a", b"new"), ALWAYS)
    finally:
        await client.config_set("maxmemory", "0")
    assert (await backend.get("t\0a")).entry is None


async def test_values_leave_the_last_tenth_of_the_memory_to_the_rest(backend: RedisBackend, client: Any) -> None:
    used = (await client.info("memory"))["used_memory"]
    await client.config_set("maxmemory", str(int(used * 1.05)))
    try:
        await backend.sample()
        assert not await backend.set(entry_of("a"), ALWAYS)
        assert (await backend.get("t\0a")).entry is None
    finally:
        await client.config_set("maxmemory", "0")


async def test_a_server_that_evicts_is_pointed_out_once(
    backend: RedisBackend, client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    await client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        await backend.sample()
        await backend.sample()
    finally:
        await client.config_set("maxmemory-policy", "noeviction")
    assert capsys.readouterr().out.count("redis evicts keys") == 1
