"""The feature service: settings → telemetry → stores → domain → edge → serve."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry

from feature_service.adapters.demo_process import DemoProcess
from feature_service.adapters.freed_memory import keep_freed_memory
from feature_service.adapters.prometheus import IngestMetrics, MqttMetrics, QueryMetrics
from feature_service.composition.demo import Demo
from feature_service.composition.existing_devices import registering
from feature_service.composition.mqtt import build_intake, taking_messages
from feature_service.composition.retention import build_retention
from feature_service.composition.servicers import Servicers, build_servicers
from feature_service.composition.services import build_existing_devices, build_services
from feature_service.composition.stores import open_stores
from feature_service.domain.feature.native_library import choose_kernel, kernel_name
from feature_service.settings import FeatureSettings
from penstock_kit.aside import share_interpreter
from penstock_kit.bootstrap import start_runtime
from penstock_kit.cache import FREQUENT_CALLS, CacheClient
from penstock_kit.clock import SystemClock
from penstock_kit.database import prepare_schema
from penstock_kit.database.metrics import DatabaseMetrics
from penstock_kit.grpc import open_channel, run_service
from penstock_kit.logging import get_logger
from penstock_kit.settings import load
from penstock_kit.telemetry import ProcessMetrics

SERVICE: Final = "feature-service"
_FREED_BYTES: Final = 16 * 1024 * 1024
"""About what a day of a reading a second of eight fields takes, twice."""
log = get_logger(__name__)
MIGRATIONS: Final = Path(__file__).parent / "migrations"


@asynccontextmanager
async def open_servicers(
    settings: FeatureSettings,
    *,
    process: ProcessMetrics,
    secret: str = "",
    registry: CollectorRegistry | None = None,
) -> AsyncGenerator[Servicers]:
    """Open the stores, bring the schema up to date, start the demo when wanted; close all at the end.

    Calls to cache-service carry the installation's `secret`; what is counted is shown in `registry`.
    """
    clock = SystemClock()
    loader = DemoProcess()
    async with (
        open_stores(settings, before_telemetry=loader.wait) as stores,
        open_channel(
            settings.cache_address,
            service="cache-service",
            multiplexed=FREQUENT_CALLS if settings.multiplex_calls else (),
            secret=secret,
        ) as channel,
    ):
        demo = Demo(settings, stores, clock, loader)
        cache = CacheClient(channel, clock=clock)
        services = build_services(
            settings,
            stores,
            clock,
            cache=cache,
            process=process,
            before_reading=demo.before_reading,
        )
        intake = build_intake(settings, services, clock)
        if registry is not None:
            QueryMetrics(registry, services.query_counts)
            IngestMetrics(registry, services.ingest_counts)
            if intake is not None:
                MqttMetrics(registry, intake)
            DatabaseMetrics(registry, SERVICE, stores.database.counts)
        jobs = services.dataset_jobs
        try:
            async with prepare_schema(stores.database, settings.records_url, MIGRATIONS, then=jobs.start) as is_there:
                await demo.start(services.registry, database_is_there=is_there)
                wanted = bool(settings.telemetry_tables_file)
                existing = build_existing_devices(stores, services.registry, cache) if wanted else None
                retention = build_retention(settings, stores, jobs, clock)
                async with (
                    services.warmup.start(cache),
                    registering(existing),
                    taking_messages(intake),
                    retention.running(),
                ):
                    yield build_servicers(services, stores)
        finally:
            await jobs.stop()
            await demo.stop()
            await cache.close()


async def serve(settings: FeatureSettings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then drain. The stores come before the server, which starts gRPC's threads: the demo
    loader is forked off in between.
    """
    async with start_runtime(SERVICE, settings) as runtime:
        choose_kernel(settings.feature_kernel)
        keep_freed_memory(_FREED_BYTES)
        share_interpreter()
        log.info("features are computed", kernel=kernel_name())
        async with (
            open_servicers(
                settings, process=runtime.process, secret=runtime.secret, registry=runtime.registry
            ) as servicers,
            runtime.open_server(settings, metrics_port=settings.metrics_port) as server,
        ):
            servicers.add_to(server)
            await server.serve(settings.port, stop, setting="FEATURE_SERVICE_PORT")


def run() -> None:
    """Run the service with the settings of the environment."""
    settings = load(FeatureSettings)
    run_service(lambda stop: serve(settings, stop))
