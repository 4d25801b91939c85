"""The cache service: settings → telemetry → adapters → domain → edge → serve."""

import asyncio
from typing import Final

from penstock.cache.v1 import cache_pb2_grpc

from cache_service.adapters.prometheus import CacheMetrics
from cache_service.adapters.semantic.metrics import SemanticMetrics
from cache_service.adapters.sweeper import sweep_periodically
from cache_service.composition.services import build_services
from cache_service.composition.stores import open_stores
from cache_service.edge.servicer import CacheServicer
from cache_service.settings import CacheSettings
from penstock_kit.bootstrap import start_runtime
from penstock_kit.clock import SystemClock
from penstock_kit.grpc import run_service
from penstock_kit.settings import load

SERVICE: Final = "cache-service"


async def serve(settings: CacheSettings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then drain."""
    clock = SystemClock()
    async with (
        start_runtime(SERVICE, settings) as runtime,
        open_stores(settings, clock) as stores,
        runtime.open_server(settings, metrics_port=settings.metrics_port) as server,
    ):
        services = build_services(settings, stores, clock)
        CacheMetrics(runtime.registry, services.cache)
        SemanticMetrics(runtime.registry, services.semantic)
        server.add(cache_pb2_grpc.add_CacheServiceServicer_to_server, CacheServicer(services=services, clock=clock))
        await server.start(settings.port, setting="CACHE_SERVICE_PORT")
        await sweep_periodically(stores.sweepables, stop)
        await server.drain()
        await services.semantic.close()


def run() -> None:
    """Run the service with the settings of the environment."""
    settings = load(CacheSettings)
    run_service(lambda stop: serve(settings, stop))
