"""The stores of feature-service: records in SQL, rows in the telemetry store, data sets as files."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from feature_service.adapters.dataset.folder import DatasetFolder
from feature_service.adapters.dataset.sql_store import SqlDatasetStore
from feature_service.adapters.detector.sql_store import SqlDetectorStore
from feature_service.adapters.metadata.sql_store import SqlMetadataStore
from feature_service.adapters.telemetry_url import open_telemetry
from feature_service.domain.anomaly.record import DetectorStore
from feature_service.domain.dataset.record import DatasetStore
from feature_service.domain.registry.metadata_store import MetadataStore
from feature_service.domain.telemetry.store import TelemetryStore
from feature_service.settings import SCHEMA, FeatureSettings
from penstock_kit.database import Database, open_database
from penstock_kit.home import ensure_home


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Every store behind its port; `spool_folder` is where bodies and their rows wait."""

    database: Database
    metadata: MetadataStore
    telemetry: TelemetryStore
    datasets: DatasetStore
    dataset_files: DatasetFolder
    detectors: DetectorStore
    spool_folder: Path


@asynccontextmanager
async def open_stores(
    settings: FeatureSettings, *, before_telemetry: Callable[[], Awaitable[None]] | None = None
) -> AsyncGenerator[Stores]:
    """Give the stores that the settings ask for, and close them at the end of the block.

    `before_telemetry` is awaited before the telemetry store is first used.
    """
    spool_folder = ensure_home(settings.home / "tmp")
    telemetry = open_telemetry(
        settings.rows_url,
        before_open=before_telemetry,
        memory_mb=settings.telemetry_memory_mb,
        query_seconds=settings.telemetry_query_seconds,
        tables_file=settings.telemetry_tables_file,
    )
    database = open_database(settings.records_url, schema=SCHEMA)
    try:
        yield Stores(
            database=database,
            metadata=SqlMetadataStore(database),
            telemetry=telemetry,
            datasets=SqlDatasetStore(database),
            dataset_files=DatasetFolder(settings.datasets_folder, own_folder=settings.home / "datasets"),
            detectors=SqlDetectorStore(database),
            spool_folder=spool_folder,
        )
    finally:
        await telemetry.close()
        await database.close()
