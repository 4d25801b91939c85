"""The semantic cache, over the store that the settings ask for."""

import secrets
from collections.abc import Callable
from typing import Final

from cache_service.adapters.semantic.memory_store import MemorySemanticStore
from cache_service.adapters.semantic.numpy_index import NumpyIndex
from cache_service.adapters.semantic.redis_store import RedisSemanticStore
from cache_service.adapters.semantic.sqlite_store import SqliteSemanticStore
from cache_service.adapters.semantic.usearch_index import UsearchIndex
from cache_service.domain.semantic.cache import SemanticCache
from cache_service.domain.semantic.gate import Gate
from cache_service.domain.semantic.index import VectorIndex
from cache_service.domain.semantic.loaded import LoadedPartitions
from cache_service.domain.semantic.store import SemanticLimits, SemanticStore
from cache_service.domain.semantic.threshold import Thresholds
from cache_service.settings import MOST_COMPARED, CacheSettings
from penstock_kit.clock import Clock
from penstock_kit.redis.link import RedisLink

_FILE: Final = "semantic-cache.db"


def build_semantic(settings: CacheSettings, link: RedisLink | None, clock: Clock) -> SemanticCache:
    """Return the semantic cache. It opens nothing and imports nothing heavy before its first question."""
    store = _store(settings, link, clock)
    return SemanticCache(
        store=store,
        loaded=LoadedPartitions(
            store=store,
            new_index=_new_index(settings),
            max_vectors=settings.semantic_max_vectors,
            max_partitions=settings.semantic_tenant_partitions,
        ),
        gate=Gate(hottest=settings.semantic_max_temperature),
        thresholds=Thresholds(by_embedder=settings.semantic_thresholds),
        clock=clock,
        new_id=lambda: f"sem_{secrets.token_hex(12)}",
        default_ttl=min(settings.default_ttl, settings.semantic_max_ttl),
        longest_ttl=settings.semantic_max_ttl,
    )


def _store(settings: CacheSettings, link: RedisLink | None, clock: Clock) -> SemanticStore:
    limits = SemanticLimits(
        partition_entries=settings.semantic_partition_entries,
        tenant_entries=settings.semantic_tenant_entries,
        tenant_partitions=settings.semantic_tenant_partitions,
    )
    match settings.semantic_store:
        case "memory":
            return MemorySemanticStore(clock=clock, limits=limits)
        case "auto" | "redis" if link is not None:
            return RedisSemanticStore(link, limits=limits, longest_ttl=settings.semantic_max_ttl)
        case _:
            return SqliteSemanticStore(settings.home / _FILE, clock=clock, limits=limits)


def _new_index(settings: CacheSettings) -> Callable[[int], VectorIndex]:
    if settings.semantic_partition_entries <= MOST_COMPARED:
        return NumpyIndex
    return lambda dimensions: UsearchIndex(dimensions, exact=MOST_COMPARED)
