"""What /metrics says of the cache and of the semantic cache: each figure under its own name."""

from prometheus_client import CollectorRegistry

from cache_service.adapters.prometheus import CacheMetrics
from cache_service.adapters.semantic.memory_store import MemorySemanticStore
from cache_service.adapters.semantic.metrics import SemanticMetrics
from cache_service.adapters.semantic.numpy_index import NumpyIndex
from cache_service.composition.services import build_services
from cache_service.composition.stores import memory_stores
from cache_service.domain.entry import EntryInput
from cache_service.domain.partition import Partition
from cache_service.domain.semantic.cache import SemanticCache
from cache_service.domain.semantic.gate import Gate
from cache_service.domain.semantic.loaded import LoadedPartitions
from cache_service.domain.semantic.store import SemanticLimits
from cache_service.domain.semantic.threshold import Thresholds
from cache_service.settings import CacheSettings
from penstock_testkit.clock import ManualClock


def figures(registry: CollectorRegistry, prefix: str) -> dict[str, float]:
    """The samples whose names begin so, by the rest of the name and the values of the labels."""
    samples = [sample for metric in registry.collect() for sample in metric.samples if sample.name.startswith(prefix)]
    return {" ".join([each.name.removeprefix(prefix), *each.labels.values()]): each.value for each in samples}


async def test_reads_writes_and_what_is_held_are_counted_each_under_its_name(clock: ManualClock) -> None:
    settings = CacheSettings(_env_file=None)
    cache = build_services(settings, memory_stores(settings, clock), clock).cache
    registry = CollectorRegistry()
    CacheMetrics(registry, cache)
    mine = Partition(tenant="t")
    await cache.set_many(mine, [EntryInput(key=f"cards:{number}", value=b"12345", ttl=60) for number in range(6)])
    for key in ("cards:0", "cards:1", "cards:2", "users:7"):
        await cache.get(mine, key)
    assert await cache.delete(mine, ["cards:0", "cards:1"]) == 2
    seen = figures(registry, "penstock_cache_")
    assert seen["reads_total cards hit"] == 3
    assert seen["reads_total users miss"] == 1
    assert (seen["reads_total cards miss"], seen["reads_total users hit"]) == (0, 0)
    assert (seen["sets_total"], seen["deletes_total"], seen["entries"], seen["bytes"] >= 4 * 5) == (6, 2, 4, True)
    assert (seen["evictions_total"], seen["expirations_total"], seen["errors_total"]) == (0, 0, 0)
    assert [seen[f"breaker {state}"] for state in ("none", "closed", "half_open", "open")] == [1, 0, 0, 0]
    assert (seen["replicas"], seen["recent_hit_rate"]) == (1, 0.75)
    clock.advance(61)
    await cache.get(mine, "cards:5")
    seen = figures(registry, "penstock_cache_")
    assert (seen["expirations_total"], seen["entries"]) == (1, 3)


async def test_without_reads_of_late_there_is_no_hit_rate_and_none_of_zero(clock: ManualClock) -> None:
    settings = CacheSettings(_env_file=None)
    cache = build_services(settings, memory_stores(settings, clock), clock).cache
    registry = CollectorRegistry()
    CacheMetrics(registry, cache)
    assert "recent_hit_rate" not in figures(registry, "penstock_cache_")
    await cache.get(Partition(tenant="t"), "cards:1")
    assert figures(registry, "penstock_cache_")["recent_hit_rate"] == 0
    clock.advance(601)
    assert "recent_hit_rate" not in figures(registry, "penstock_cache_")


def test_the_counts_of_the_semantic_cache_have_each_their_own_name(clock: ManualClock) -> None:
    store = MemorySemanticStore(clock=clock, limits=SemanticLimits())
    semantic = SemanticCache(
        store=store,
        loaded=LoadedPartitions(store=store, new_index=NumpyIndex, max_vectors=10, max_partitions=10),
        gate=Gate(),
        thresholds=Thresholds(by_embedder={"*": 0.9}),
        clock=clock,
        new_id=lambda: "sem_1",
        default_ttl=60.0,
        longest_ttl=60.0,
    )
    registry = CollectorRegistry()
    SemanticMetrics(registry, semantic)
    counts = semantic.statistics.total
    counts.hits, counts.misses, counts.stores, counts.evictions, counts.unavailable = 2, 3, 5, 7, 11
    counts.refusals["number"], counts.gated["tool_calls"] = 13, 17
    assert figures(registry, "penstock_semantic_cache_") == {
        "lookups_total hit": 2,
        "lookups_total miss": 3,
        "stores_total": 5,
        "evictions_total": 7,
        "unavailable_total": 11,
        "refusals_total number": 13,
        "gated_total tool_calls": 17,
        "vectors": 0,
    }
