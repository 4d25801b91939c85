"""The cache service: settings → telemetry → adapters → domain → edge → serve."""

import asyncio

from penstock.cache.v1 import cache_pb2_grpc
from prometheus_client import CollectorRegistry

from cache_service.adapters.prometheus import CacheMetrics
from cache_service.adapters.semantic.metrics import SemanticMetrics
from cache_service.adapters.sweeper import sweep_periodically
from cache_service.composition.services import build_services
from cache_service.composition.stores import open_stores
from cache_service.edge.servicer import CacheServicer
from cache_service.settings import CacheSettings
from penstock_kit.clock import SystemClock
from penstock_kit.grpc import GrpcServer, run_service
from penstock_kit.installation import installation_secret
from penstock_kit.logging import configure_logging
from penstock_kit.settings import load
from penstock_kit.telemetry import LoopLag, ProcessMetrics, configure_tracing, serve_metrics

SERVICE = "cache-service"


async def serve(settings: CacheSettings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then drain."""
    redactor = configure_logging(SERVICE, settings.log_level, settings.log_format)
    redactor.register(settings.redis_url.get_secret_value())
    secret = await installation_secret(settings)
    tracing = configure_tracing(SERVICE, settings.otlp_endpoint)
    registry = CollectorRegistry()
    ProcessMetrics(registry, SERVICE)
    LoopLag(registry, SERVICE).start()
    clock = SystemClock()
    server = GrpcServer(
        service=SERVICE,
        host=settings.host,
        grace_seconds=settings.grace_seconds,
        registry=registry,
        tracing=tracing,
        redactor=redactor,
        secret=secret,
    )
    metrics = await serve_metrics(registry, settings.host, settings.metrics_port)
    try:
        async with open_stores(settings, clock) as stores:
            services = build_services(settings, stores, clock)
            CacheMetrics(registry, services.cache)
            SemanticMetrics(registry, services.semantic)
            server.add(cache_pb2_grpc.add_CacheServiceServicer_to_server, CacheServicer(services=services, clock=clock))
            await server.start(settings.port, setting="CACHE_SERVICE_PORT")
            await sweep_periodically(stores.sweepables, stop)
            await server.drain()
            await services.semantic.close()
    finally:
        await metrics.close()
        tracing.shutdown()


def run() -> None:
    """Run the service with the settings of the environment."""
    settings = load(CacheSettings)
    run_service(lambda stop: serve(settings, stop))
