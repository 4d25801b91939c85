"""What the servicer calls, over the stores."""

import random
import secrets

from cache_service.adapters.semantic.onnx_embedder import OnnxEmbedder
from cache_service.composition.semantic import build_semantic
from cache_service.composition.stores import Stores
from cache_service.domain.cache import Cache
from cache_service.domain.limit import TtlDefaults
from cache_service.domain.lock import Locks
from cache_service.domain.refresh import RefreshAdvisor
from cache_service.domain.session import Sessions
from cache_service.domain.statistics import Statistics
from cache_service.edge.servicer import CacheServices
from cache_service.settings import CacheSettings
from penstock_kit.clock import Clock


def build_services(settings: CacheSettings, stores: Stores, clock: Clock) -> CacheServices:
    """Return the use cases of the service."""
    cache = Cache(
        backend=stores.backend,
        leases=stores.leases,
        signals=stores.signals,
        advisor=RefreshAdvisor(clock=clock, random=random.random, claims=stores.claims),
        clock=clock,
        defaults=TtlDefaults(ttl=settings.default_ttl, negative_ttl=settings.negative_ttl),
        statistics=Statistics(clock.monotonic),
    )
    return CacheServices(
        cache=cache,
        counters=stores.counters,
        rate_limits=stores.rate_limits,
        locks=Locks(store=stores.locks, clock=clock, signals=stores.signals),
        sessions=Sessions(store=stores.sessions, clock=clock, new_id=_session_id),
        semantic=build_semantic(settings, stores.link, clock),
        embedder=None if settings.semantic_model is None else OnnxEmbedder(settings.semantic_model),
    )


def _session_id() -> str:
    return f"sess_{secrets.token_urlsafe(24)}"
