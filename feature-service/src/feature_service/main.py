"""The feature service: settings → telemetry → stores → domain → edge → serve."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from penstock.feature.v1 import backup_pb2_grpc, feature_pb2_grpc
from prometheus_client import CollectorRegistry

from feature_service.adapters.demo_process import DemoProcess
from feature_service.composition.demo import Demo
from feature_service.composition.services import build_services
from feature_service.composition.stores import open_stores
from feature_service.edge.backup_servicer import BackupServicer
from feature_service.edge.metadata_servicer import MetadataServicer
from feature_service.edge.servicer import FeatureServicer
from feature_service.settings import FeatureSettings
from penstock_kit.cache import CacheClient
from penstock_kit.clock import SystemClock
from penstock_kit.database import prepare_schema
from penstock_kit.grpc import GrpcServer, open_channel, run_service
from penstock_kit.installation import installation_secret
from penstock_kit.logging import configure_logging
from penstock_kit.settings import load
from penstock_kit.telemetry import LoopLag, ProcessMetrics, configure_tracing, serve_metrics

SERVICE: Final = "feature-service"
MIGRATIONS: Final = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Servicers:
    """The servicers over open stores."""

    features: FeatureServicer
    metadata: MetadataServicer
    backup: BackupServicer

    def add_to(self, server: GrpcServer) -> None:
        """Have `server` serve them."""
        server.add(feature_pb2_grpc.add_FeatureServiceServicer_to_server, self.features)
        server.add(feature_pb2_grpc.add_MetadataServiceServicer_to_server, self.metadata)
        server.add(backup_pb2_grpc.add_BackupServiceServicer_to_server, self.backup)


@asynccontextmanager
async def open_servicers(
    settings: FeatureSettings, *, process: ProcessMetrics, secret: str = ""
) -> AsyncGenerator[Servicers]:
    """Open the stores, bring the schema up to date, start the demo when wanted; close all at the end.

    Calls to cache-service carry the installation's `secret`.
    """
    clock = SystemClock()
    loader = DemoProcess()
    async with (
        open_stores(settings, before_telemetry=loader.wait) as stores,
        open_channel(settings.cache_address, service="cache-service", secret=secret) as channel,
    ):
        demo = Demo(settings, stores, clock, loader)
        services = build_services(
            settings,
            stores,
            clock,
            cache=CacheClient(channel, clock=clock),
            process=process,
            before_reading=demo.before_reading,
        )
        jobs = services.dataset_jobs
        try:
            async with prepare_schema(stores.database, settings.records_url, MIGRATIONS, then=jobs.start) as is_there:
                await demo.start(services.registry, database_is_there=is_there)
                yield Servicers(
                    features=FeatureServicer(services),
                    metadata=MetadataServicer(services.registry),
                    backup=BackupServicer(copy_to=stores.telemetry.copy_to, folder=stores.spool_folder),
                )
        finally:
            await jobs.stop()
            await demo.stop()


async def serve(settings: FeatureSettings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then drain."""
    redactor = configure_logging(SERVICE, settings.log_level, settings.log_format)
    redactor.register(settings.database_url.get_secret_value())
    redactor.register(settings.telemetry_url.get_secret_value())
    secret = await installation_secret(settings)
    tracing = configure_tracing(SERVICE, settings.otlp_endpoint)
    registry = CollectorRegistry()
    process = ProcessMetrics(registry, SERVICE)
    LoopLag(registry, SERVICE).start()
    try:
        # The stores come first: the demo loader is forked off before gRPC has threads.
        async with open_servicers(settings, process=process, secret=secret) as servicers:
            server = GrpcServer(
                service=SERVICE,
                host=settings.host,
                grace_seconds=settings.grace_seconds,
                registry=registry,
                tracing=tracing,
                redactor=redactor,
                secret=secret,
            )
            servicers.add_to(server)
            metrics = await serve_metrics(registry, settings.host, settings.metrics_port)
            try:
                await server.serve(settings.port, stop, setting="FEATURE_SERVICE_PORT")
            finally:
                await metrics.close()
    finally:
        tracing.shutdown()


def run() -> None:
    """Run the service with the settings of the environment."""
    settings = load(FeatureSettings)
    run_service(lambda stop: serve(settings, stop))
