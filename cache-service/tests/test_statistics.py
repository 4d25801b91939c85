"""Hit rates: of the last ten minutes, by namespace, none without reads; a cold read counts once."""

import asyncio
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from penstock.cache.v1 import cache_pb2 as pb
from prometheus_client import CollectorRegistry, generate_latest

from cache_service.adapters.prometheus import CacheMetrics
from cache_service.composition.services import build_services
from cache_service.composition.stores import memory_stores
from cache_service.domain.entry import EntryInput
from cache_service.domain.partition import Partition
from cache_service.domain.statistics import MAX_PREFIXES, OTHER, Statistics
from cache_service.settings import CacheSettings
from penstock_kit.cache import CacheClient, cached
from penstock_kit.context import CallContext, Caller, use_context
from penstock_testkit.clock import ManualClock
from penstock_testkit.waiting import HANG_SECONDS


def as_operator() -> Any:
    caller = Caller(user_id="op", tenant_id="default", scopes=frozenset({"operator"}))
    return use_context(CallContext(request_id="req_test", caller=caller))


def test_the_recent_rate_forgets_what_is_older_than_ten_minutes(clock: ManualClock) -> None:
    statistics = Statistics(clock.monotonic)
    assert (statistics.recent_hit_rate(), statistics.recent_hit_rates()) == (None, {})
    for _ in range(3):
        statistics.miss("cards:1")
    clock.advance(400)
    statistics.hit("cards:1")
    assert statistics.recent_hit_rates() == {"cards": 0.25}
    clock.advance(201)
    assert statistics.recent_hit_rates() == {"cards": 1.0}
    clock.advance(400)
    assert (statistics.recent_hit_rate(), statistics.recent_hit_rates()) == (None, {})
    assert (statistics.hits, statistics.misses, statistics.hit_rate) == (1, 3, 0.25)


def test_every_namespace_has_its_own_rate_and_the_whole_counts_reads(clock: ManualClock) -> None:
    statistics = Statistics(clock.monotonic)
    statistics.hit("cards:1")
    for _ in range(3):
        statistics.miss("users:1")
    assert statistics.recent_hit_rates() == {"cards": 1.0, "users": 0.0}
    assert statistics.recent_hit_rate() == 0.25


def test_namespaces_beyond_the_limit_are_counted_together(clock: ManualClock) -> None:
    statistics = Statistics(clock.monotonic)
    for number in range(MAX_PREFIXES + 10):
        statistics.hit(f"p{number}:x")
    assert len(statistics.recent_hit_rates()) == MAX_PREFIXES + 1
    assert statistics.prefixes()[0].prefix == OTHER


def test_the_gauge_has_a_value_for_each_namespace_that_was_read_and_for_no_other(clock: ManualClock) -> None:
    settings = CacheSettings(_env_file=None)
    services = build_services(settings, memory_stores(settings, clock), clock)
    registry = CollectorRegistry()
    CacheMetrics(registry, services.cache)
    assert b"\ncache_hit_rate" not in generate_latest(registry)
    services.cache.statistics.hit("cards:1")
    services.cache.statistics.miss("cards:2")
    assert b'\ncache_hit_rate{namespace="cards"} 0.5\n' in generate_latest(registry)
    clock.advance(601)
    assert b"\ncache_hit_rate" not in generate_latest(registry)


def test_as_many_hits_as_misses_are_a_rate_of_a_half(clock: ManualClock) -> None:
    statistics = Statistics(clock.monotonic)
    statistics.hit("cards:1")
    statistics.miss("cards:2")
    assert (statistics.recent_hit_rate(), statistics.recent_hit_rates()) == (0.5, {"cards": 0.5})


async def test_keys_that_are_deleted_or_invalidated_count_each(clock: ManualClock) -> None:
    settings, partition = CacheSettings(_env_file=None), Partition(tenant="acme")
    cache = build_services(settings, memory_stores(settings, clock), clock).cache
    for key in ("cards:1", "cards:2", "users:1"):
        await cache.set(partition, EntryInput(key=key, value=b"v"))
    assert await cache.delete(partition, ["users:1", "nobody"]) == 1
    assert cache.statistics.deletes == 1
    assert await cache.invalidate(partition, prefix="cards", tag="") == 2
    assert (cache.statistics.sets, cache.statistics.deletes) == (3, 3)


async def test_a_cold_cached_read_is_one_miss_and_a_warm_one_a_hit(served: Any) -> None:
    loads: list[str] = []

    @cached(ttl=60, key_prefix="cards", client=CacheClient(served.channel, timeout=HANG_SECONDS))
    async def read(name: str) -> str:
        loads.append(name)
        return name.upper()

    assert [await read("a"), await read("a"), await read("b")] == ["A", "A", "B"]
    with as_operator():
        stats = await served.stub.GetStats(pb.GetStatsRequest())
    assert loads == ["a", "b"]
    assert (stats.hits, stats.misses) == (1, 2)
    assert stats.recent_hit_rate == pytest.approx(1 / 3)
    assert dict(stats.recent_hit_rates) == {"cards": pytest.approx(1 / 3)}


async def test_waiting_for_the_lease_of_another_counts_no_read(served: Any) -> None:
    request = pb.AcquireLeaseRequest(key="a", lease=Duration(seconds=240), wait=Duration(seconds=240))
    first = await served.stub.AcquireLease(request)
    waiting = asyncio.ensure_future(served.stub.AcquireLease(request))
    entry = pb.Entry(key="a", value=b"v", ttl=Duration(seconds=60))
    await served.stub.Set(pb.SetRequest(entry=entry, lease_token=first.lease_token))
    assert (await waiting).value.value == b"v"
    with as_operator():
        stats = await served.stub.GetStats(pb.GetStatsRequest())
    assert (stats.hits, stats.misses) == (0, 0)
    assert not stats.HasField("recent_hit_rate")
