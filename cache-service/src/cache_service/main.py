"""The cache service: settings → telemetry → adapters → domain → edge → serve."""

import asyncio
import random
import secrets

from penstock.cache.v1 import cache_pb2_grpc
from prometheus_client import CollectorRegistry

from cache_service.adapters.memory.backend import MemoryBackend
from cache_service.adapters.memory.counter import MemoryCounterStore, MemoryRateLimitStore
from cache_service.adapters.memory.lock import MemoryLeaseStore, MemoryLockStore
from cache_service.adapters.memory.session import MemorySessionStore
from cache_service.adapters.prometheus import CacheMetrics
from cache_service.adapters.sweeper import Sweepable, keep_swept
from cache_service.domain.bell import Bell
from cache_service.domain.cache import Cache
from cache_service.domain.invalidation import InvalidationBus
from cache_service.domain.limit import Defaults
from cache_service.domain.lock import Locks
from cache_service.domain.refresh import RefreshAdvisor
from cache_service.domain.session import Sessions
from cache_service.domain.statistics import Statistics
from cache_service.edge.servicer import CacheParts, CacheServicer
from cache_service.settings import CacheSettings
from penstock_kit.clock import Clock, SystemClock
from penstock_kit.grpc import GrpcServer, run_service
from penstock_kit.installation import installation_secret
from penstock_kit.logging import configure_logging, get_logger
from penstock_kit.settings import load
from penstock_kit.telemetry import LoopLag, ProcessMetrics, configure_tracing, serve_metrics

SERVICE = "cache-service"


def build_parts(settings: CacheSettings, clock: Clock) -> tuple[CacheParts, list[Sweepable]]:
    """Return what the servicer calls, and what wants sweeping."""
    backend = MemoryBackend(clock=clock, max_entries=settings.max_entries, max_size=settings.max_bytes)
    counters = MemoryCounterStore(clock=clock, max_entries=settings.max_counters)
    rate_limits = MemoryRateLimitStore(clock=clock, max_entries=settings.max_counters)
    session_store = MemorySessionStore(clock=clock, max_sessions=settings.max_sessions)
    lock_store = MemoryLockStore(clock=clock, new_token=_token, max_locks=settings.max_locks)
    bell = Bell()
    cache = Cache(
        backend=backend,
        leases=MemoryLeaseStore(clock=clock, new_token=_token, max_leases=settings.max_locks),
        bell=bell,
        bus=InvalidationBus(),
        advisor=RefreshAdvisor(clock=clock, random=random.random),
        clock=clock,
        defaults=Defaults(ttl=settings.default_ttl, negative_ttl=settings.negative_ttl),
        statistics=Statistics(clock.monotonic),
    )
    parts = CacheParts(
        cache=cache,
        counters=counters,
        rate_limits=rate_limits,
        locks=Locks(store=lock_store, clock=clock, bell=Bell()),
        sessions=Sessions(store=session_store, clock=clock, new_id=_session_id),
    )
    return parts, [backend, counters, rate_limits, session_store]


async def serve(settings: CacheSettings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then drain."""
    redactor = configure_logging(SERVICE, settings.log_level, settings.log_format)
    redactor.register(settings.redis_url.get_secret_value())
    if settings.redis_url.get_secret_value():
        get_logger(__name__).warning("REDIS_URL is set, but this version caches in memory only")
    secret = await installation_secret(settings)
    tracing = configure_tracing(SERVICE, settings.otlp_endpoint)
    registry = CollectorRegistry()
    ProcessMetrics(registry, SERVICE)
    LoopLag(registry, SERVICE).start()
    clock = SystemClock()
    parts, sweepables = build_parts(settings, clock)
    CacheMetrics(registry, parts.cache)
    server = GrpcServer(
        service=SERVICE,
        host=settings.host,
        grace_seconds=settings.grace_seconds,
        registry=registry,
        tracing=tracing,
        redactor=redactor,
        secret=secret,
    )
    server.add(cache_pb2_grpc.add_CacheServiceServicer_to_server, CacheServicer(parts=parts, clock=clock))
    metrics = await serve_metrics(registry, settings.host, settings.metrics_port)
    try:
        await server.start(settings.port, setting="CACHE_SERVICE_PORT")
        await keep_swept(sweepables, stop)
        await server.drain()
    finally:
        await metrics.close()
        tracing.shutdown()


def run() -> None:
    """Run the service with the settings of the environment."""
    settings = load(CacheSettings)
    run_service(lambda stop: serve(settings, stop))


def _token() -> str:
    return secrets.token_urlsafe(16)


def _session_id() -> str:
    return f"sess_{secrets.token_urlsafe(24)}"
