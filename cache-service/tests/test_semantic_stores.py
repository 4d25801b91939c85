"""The contract of the semantic cache's stores: in memory, in a file and in a real Redis."""

import stat
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from cache_service.adapters.semantic.memory_store import MemorySemanticStore
from cache_service.adapters.semantic.redis_store import RedisSemanticStore
from cache_service.adapters.semantic.sqlite_store import SqliteSemanticStore
from cache_service.domain.semantic.entry import SemanticEntry
from cache_service.domain.semantic.store import SemanticLimits, SemanticStoreAway
from cache_service.settings import CacheSettings
from penstock_kit.clock import SystemClock
from penstock_kit.redis.link import RedisLink
from penstock_testkit.clock import ManualClock
from penstock_testkit.contracts.semantic_store import SemanticStoreContract
from penstock_testkit.redis_time import let_redis_pass
from penstock_testkit.waiting import HANG_SECONDS

LIMITS = SemanticLimits(partition_entries=4, tenant_entries=6, tenant_partitions=3)
MakeEntry = Callable[..., SemanticEntry]


def maker_of(now: Callable[[], datetime]) -> MakeEntry:
    def made(
        name: str, *, tenant: str = "t", partition: str = "p", question: str = "what?", ttl: float = 60.0
    ) -> SemanticEntry:
        return SemanticEntry(
            id=name,
            tenant=tenant,
            partition=partition,
            question=question,
            vector=array("f", [float(ord(name[-1])), 1.0]).tobytes(),
            value=b"\x00answer",
            model="p/m",
            create_time=now(),
            expire_time=now() + timedelta(seconds=ttl),
        )

    return made


@pytest.fixture
def make_entry(clock: ManualClock) -> MakeEntry:
    return maker_of(clock.now)


@pytest.fixture
def let_pass(clock: ManualClock) -> Callable[[float], Awaitable[None]]:
    async def passes(seconds: float) -> None:
        clock.advance(seconds)

    return passes


class TestMemorySemanticStore(SemanticStoreContract):
    @pytest.fixture
    def store(self, clock: ManualClock) -> MemorySemanticStore:
        return MemorySemanticStore(clock=clock, limits=LIMITS)

    async def test_a_tenant_has_a_bound_of_bytes(self, clock: ManualClock, make_entry: MakeEntry) -> None:
        store = MemorySemanticStore(clock=clock, limits=SemanticLimits(tenant_bytes=20))
        for name in ("e1", "e2", "e3", "e4"):  # seven bytes each
            await store.put(make_entry(name), 60.0)
        assert [each and each.id for each in await store.read(["e1", "e2", "e3", "e4"])] == [None, None, "e3", "e4"]

    async def test_a_tenant_has_64_mib_of_answers_and_a_thousand_partitions_unless_told_otherwise(
        self, clock: ManualClock, make_entry: MakeEntry
    ) -> None:
        store, large = MemorySemanticStore(clock=clock, limits=SemanticLimits()), bytes(16 * 1024 * 1024)
        for number in range(4):
            assert await store.put(replace(make_entry(f"e{number}"), value=large), 60.0) == 0
        assert await store.put(replace(make_entry("e4"), value=b"x"), 60.0) == 1
        store = MemorySemanticStore(clock=clock, limits=SemanticLimits())
        gone = [await store.put(make_entry(f"e{number}", partition=f"p{number}"), 60.0) for number in range(1_001)]
        assert gone == [0] * 1_000 + [1]
        assert await store.read(["e0"]) == [None]


def test_the_bounds_of_a_store_are_those_of_the_settings() -> None:
    settings = CacheSettings(_env_file=None)
    assert SemanticLimits() == SemanticLimits(
        partition_entries=settings.semantic_partition_entries,
        tenant_entries=settings.semantic_tenant_entries,
        tenant_partitions=settings.semantic_tenant_partitions,
    )


class TestSqliteSemanticStore(SemanticStoreContract):
    @pytest.fixture
    async def store(self, clock: ManualClock, tmp_path: Path) -> AsyncIterator[SqliteSemanticStore]:
        store = SqliteSemanticStore(tmp_path / "semantic-cache.db", clock=clock, limits=LIMITS)
        yield store
        await store.close()

    async def test_what_was_stored_outlives_the_process_in_a_file_of_the_owners(
        self, store: Any, clock: ManualClock, tmp_path: Path, make_entry: MakeEntry
    ) -> None:
        await store.put(make_entry("e1"), 60.0)
        await store.close()
        again = SqliteSemanticStore(tmp_path / "semantic-cache.db", clock=clock, limits=LIMITS)
        assert list(await again.read(["e1"])) == [make_entry("e1")]
        await again.close()
        assert stat.S_IMODE((tmp_path / "semantic-cache.db").stat().st_mode) == 0o600

    async def test_a_broken_file_counts_as_away(
        self, clock: ManualClock, tmp_path: Path, make_entry: MakeEntry
    ) -> None:
        (tmp_path / "broken.db").write_bytes(b"no database" * 500)
        store = SqliteSemanticStore(tmp_path / "broken.db", clock=clock, limits=LIMITS)
        with pytest.raises(SemanticStoreAway, match=r"broken\.db"):
            await store.put(make_entry("e1"), 60.0)
        await store.close()


class TestRedisSemanticStore(SemanticStoreContract):
    @pytest.fixture
    async def link(self, redis_url: str) -> AsyncIterator[RedisLink]:
        link = RedisLink(redis_url, clock=SystemClock())
        await link.probe([("PING",)])
        yield link
        await link.close()

    @pytest.fixture
    def make_entry(self) -> MakeEntry:
        # Redis keeps times to the microsecond, on its own clock.
        start = datetime.now(UTC)
        return maker_of(lambda: start)

    @pytest.fixture
    def store(self, link: RedisLink) -> RedisSemanticStore:
        return RedisSemanticStore(link, limits=LIMITS, longest_ttl=3600.0)

    @pytest.fixture
    async def client(self, redis_url: str) -> AsyncIterator[Any]:
        client = Redis.from_url(redis_url, socket_timeout=HANG_SECONDS)
        yield client
        await client.aclose()

    @pytest.fixture
    def let_pass(self, client: Any) -> Callable[[float], Awaitable[None]]:
        async def passes(seconds: float) -> None:
            await let_redis_pass(client, seconds)

        return passes

    async def test_no_key_is_without_an_end_or_tells_a_tenant_or_question(
        self, store: Any, client: Any, make_entry: MakeEntry
    ) -> None:
        await store.put(make_entry("e1", tenant="acme", question="secret question"), 60.0)
        keys = [key async for key in client.scan_iter()]
        assert keys
        assert not [key for key in keys if b"acme" in key or b"secret" in key]
        assert min([await client.pttl(key) for key in keys]) > 0

    async def test_two_replicas_read_what_either_stores(
        self, store: Any, link: RedisLink, make_entry: MakeEntry
    ) -> None:
        other = RedisSemanticStore(link, limits=LIMITS, longest_ttl=3600.0)
        await store.put(make_entry("e1"), 60.0)
        await other.put(make_entry("e2"), 60.0)
        for each in (store, other):
            assert [added.id for added in await each.list_after("t", "p", 0, 10)] == ["e1", "e2"]

    async def test_a_server_that_is_gone_counts_as_away(
        self, store: Any, link: RedisLink, make_entry: MakeEntry
    ) -> None:
        link.on_failure(ConnectionError("gone"))
        with pytest.raises(SemanticStoreAway):
            await store.put(make_entry("e1"), 60.0)
        with pytest.raises(SemanticStoreAway):
            await store.list_after("t", "p", 0, 10)
