"""The feature service: settings → telemetry → stores → domain → edge → serve."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from penstock.feature.v1 import backup_pb2_grpc, feature_pb2_grpc
from prometheus_client import CollectorRegistry

from feature_service.adapters.body.body_reader import body_reader
from feature_service.adapters.body.spool import Spool
from feature_service.adapters.body.staged_frames import FrameStage
from feature_service.adapters.dataset.folder import DatasetFolder
from feature_service.adapters.dataset.sql_store import SqlDatasetStore
from feature_service.adapters.demo_process import DemoProcess
from feature_service.adapters.duckdb.telemetry_store import DuckDbTelemetryStore
from feature_service.adapters.metadata.sql_store import SqlMetadataStore
from feature_service.demo.live import LiveDemo
from feature_service.demo.load import register_demo
from feature_service.demo.plan import plan_demo
from feature_service.domain.dataset.jobs import DatasetJobs
from feature_service.domain.dataset.source import DatasetSource
from feature_service.domain.ingest.ingestion import Ingestion
from feature_service.domain.ingest.target import TargetRegistry
from feature_service.domain.query.telemetry_queries import TelemetryQueries
from feature_service.domain.registry.device_registry import DeviceRegistry
from feature_service.domain.status import StatusReport
from feature_service.edge.backup_servicer import BackupServicer
from feature_service.edge.metadata_servicer import MetadataServicer
from feature_service.edge.servicer import FeatureServicer, FeatureServices
from feature_service.settings import FeatureSettings
from penstock_kit.clock import SystemClock
from penstock_kit.database import open_database, schema_kept
from penstock_kit.grpc import GrpcServer, run_service
from penstock_kit.home import ensure_home
from penstock_kit.ids import new_id
from penstock_kit.installation import installation_secret
from penstock_kit.logging import configure_logging, get_logger
from penstock_kit.settings import load
from penstock_kit.telemetry import LoopLag, ProcessMetrics, configure_tracing, serve_metrics

SERVICE: Final = "feature-service"
MIGRATIONS: Final = Path(__file__).parent / "migrations"

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The servicers over open stores."""

    features: FeatureServicer
    metadata: MetadataServicer
    backup: BackupServicer


@asynccontextmanager
async def open_service(settings: FeatureSettings, *, process: ProcessMetrics) -> AsyncGenerator[Service]:
    """Open the stores, bring the schema up to date, start the demo loader when wanted; close all at the end."""
    clock = SystemClock()
    spool_folder = ensure_home(settings.home / "tmp")
    database = open_database(settings.records_url)
    demo = DemoProcess()
    telemetry = DuckDbTelemetryStore(
        settings.telemetry_path, before_open=demo.finished, memory_mb=settings.telemetry_memory_mb
    )
    metadata = SqlMetadataStore(database)
    live = LiveDemo(
        metadata=metadata, telemetry=telemetry, clock=clock, is_open=lambda: telemetry.is_open, loaded=demo.finished
    )
    lives = settings.demo_data and settings.demo_live
    registry = DeviceRegistry(
        metadata=metadata, telemetry=telemetry, clock=clock, before_reading=live.catch_up if lives else None
    )
    files = DatasetFolder(settings.home / "datasets")
    dataset_jobs = DatasetJobs(
        source=DatasetSource(registry=registry, telemetry=telemetry),
        store=SqlDatasetStore(database),
        files=files,
        clock=clock,
        new_id=lambda: new_id("ds"),
        report=lambda error: log.error("a data set could not be built", exc_info=error),
        owner=files.owner(),
    )
    try:
        async with schema_kept(database, settings.records_url, MIGRATIONS, then=dataset_jobs.start) as is_there:
            if settings.demo_data and not is_there:
                log.warning("demo data are not loaded: the database is not there; the next start loads them")
            elif settings.demo_data and await plan_demo(metadata, int(time.time())) is not None:
                await register_demo(registry)
                await demo.start()
            if lives and is_there:
                live.start()
            services = FeatureServices(
                ingestion=Ingestion(
                    targets=TargetRegistry(registry=registry, metadata=metadata),
                    metadata=metadata,
                    telemetry=telemetry,
                    reader=body_reader(max_json_bytes=settings.ingest_max_json_bytes),
                    stage=lambda: FrameStage(spool_folder),
                ),
                registry=registry,
                dataset_jobs=dataset_jobs,
                queries=TelemetryQueries(registry=registry, telemetry=telemetry),
                status=StatusReport({"database": metadata.ping, "telemetry": telemetry.ping}),
                spool=lambda: Spool(spool_folder, max_bytes=settings.ingest_max_bytes),
                rss_bytes=lambda: int(process.rss_mb() * 1024 * 1024),
            )
            yield Service(
                features=FeatureServicer(services),
                metadata=MetadataServicer(registry),
                backup=BackupServicer(copy_to=telemetry.copy_to, folder=spool_folder),
            )
    finally:
        await dataset_jobs.stop()
        await live.stop()
        await demo.stop()
        await telemetry.close()
        await database.close()


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
        async with open_service(settings, process=process) as service:
            server = GrpcServer(
                service=SERVICE,
                host=settings.host,
                grace_seconds=settings.grace_seconds,
                registry=registry,
                tracing=tracing,
                redactor=redactor,
                secret=secret,
            )
            server.add(feature_pb2_grpc.add_FeatureServiceServicer_to_server, service.features)
            server.add(feature_pb2_grpc.add_MetadataServiceServicer_to_server, service.metadata)
            server.add(backup_pb2_grpc.add_BackupServiceServicer_to_server, service.backup)
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
