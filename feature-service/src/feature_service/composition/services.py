"""What the servicers call, over the stores."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from feature_service.adapters.body.body_reader import body_reader
from feature_service.adapters.body.spool import Spool
from feature_service.adapters.body.staged_frames import FrameStage
from feature_service.adapters.export.files import ExportFolder
from feature_service.adapters.metadata.cached_catalogue import CachedCatalogue
from feature_service.adapters.metadata.catalogue_warmup import CatalogueWarmup
from feature_service.adapters.metadata.invalidating_store import InvalidatingMetadataStore
from feature_service.composition.existing_devices import report
from feature_service.composition.mqtt import build_lost_messages
from feature_service.composition.partitions import partition_runner
from feature_service.composition.retention import telemetry_kept_since
from feature_service.composition.stores import Stores
from feature_service.domain.anomaly.detection import AnomalyDetection
from feature_service.domain.dataset.jobs import DatasetJobs
from feature_service.domain.dataset.source import DatasetSource
from feature_service.domain.ingest.existing_devices import ExistingDevices, TableReader
from feature_service.domain.ingest.ingest_counts import IngestCounts
from feature_service.domain.ingest.ingestion import Ingestion
from feature_service.domain.ingest.point_ingestion import PointIngestion
from feature_service.domain.ingest.point_storage import PointStorage
from feature_service.domain.ingest.target import TargetRegistry
from feature_service.domain.plot.drawing import PlotDrawing
from feature_service.domain.plot.plot_query import PlotFormat
from feature_service.domain.query.feature_export import FeatureExport
from feature_service.domain.query.query_counts import QueryCounts
from feature_service.domain.query.telemetry_queries import History, RowsFormat, TelemetryQueries
from feature_service.domain.registry.device_registry import DeviceRegistry
from feature_service.domain.registry.metadata_store import MetadataStore
from feature_service.domain.status import StatusReport
from feature_service.edge.page import DEFAULT_SIZE
from feature_service.edge.servicer import FeatureServices
from feature_service.settings import FeatureSettings
from penstock_kit.cache import CacheClient
from penstock_kit.cache.local_copies import MAX_COPY_SECONDS
from penstock_kit.cache.warmup import Warmup
from penstock_kit.clock import Clock
from penstock_kit.context import current_context
from penstock_kit.ids import new_id
from penstock_kit.logging import get_logger
from penstock_kit.telemetry import ProcessMetrics

if TYPE_CHECKING:
    from feature_service.adapters.export.rows import RowsWriter
    from feature_service.domain.plot.plot import Plot

log = get_logger(__name__)


def build_services(
    settings: FeatureSettings,
    stores: Stores,
    clock: Clock,
    *,
    cache: CacheClient,
    process: ProcessMetrics,
    before_reading: Callable[[str], Awaitable[None]] | None,
) -> FeatureServices:
    """Return the use cases of the service. `before_reading` is awaited, with the tenant, before rows are read."""
    catalogue = CachedCatalogue(
        stores.metadata, cache, local_seconds=MAX_COPY_SECONDS if settings.keeps_own_records else 0.0
    )
    metadata = InvalidatingMetadataStore(stores.metadata, catalogue)
    registry = DeviceRegistry(
        metadata=metadata,
        catalogue=catalogue,
        telemetry=stores.telemetry,
        clock=clock,
        before_reading=before_reading,
        user_id=lambda: current_context().caller.user_id,
    )
    query_counts, ingest_counts = QueryCounts(), IngestCounts(clock.monotonic)
    points = PointStorage(
        targets=TargetRegistry(registry=registry, metadata=metadata),
        metadata=metadata,
        telemetry=stores.telemetry,
        stage=lambda: FrameStage(stores.spool_folder),
    )
    queries = TelemetryQueries(registry=registry, telemetry=stores.telemetry, counts=query_counts)
    anomalies = AnomalyDetection(
        registry=registry,
        telemetry=stores.telemetry,
        queries=queries,
        store=stores.detectors,
        clock=clock,
        new_id=lambda: new_id("det"),
    )
    warmup = CatalogueWarmup(store=stores.metadata, catalogue=catalogue, page_size=DEFAULT_SIZE)
    return FeatureServices(
        warmup=Warmup({"models": warmup.load_models, "fields": warmup.load_fields}),
        ingestion=_build_ingestion(settings, stores, registry, metadata, clock),
        points=PointIngestion(storage=points, clock=clock, max_bytes=settings.ingest_max_json_bytes),
        registry=registry,
        dataset_jobs=_build_dataset_jobs(settings, stores, registry, clock),
        queries=queries,
        query_counts=query_counts,
        ingest_counts=ingest_counts,
        export=FeatureExport(telemetry=stores.telemetry, queries=queries, counts=query_counts),
        export_files=ExportFolder(stores.spool_folder),
        anomalies=anomalies,
        plots=PlotDrawing(queries=queries, telemetry=stores.telemetry, anomalies=anomalies),
        write_rows=_rows_file,
        rows_writer=_rows_writer,
        draw={PlotFormat.SVG: _svg, PlotFormat.PNG: _png},
        status=StatusReport({"database": stores.metadata.ping, "telemetry": stores.telemetry.ping}),
        lost_messages=build_lost_messages(settings, stores, clock),
        spool=lambda: Spool(stores.spool_folder, max_bytes=settings.ingest_max_bytes),
        rss_bytes=lambda: int(process.rss_mb() * 1024 * 1024),
    )


def _rows_file(history: History, form: RowsFormat, device_codes: Sequence[str] | None) -> tuple[str, bytes]:
    from feature_service.adapters.export.rows import CONTENT_TYPES, write_rows

    return CONTENT_TYPES[form], write_rows(history, form, device_codes)


def _rows_writer(form: RowsFormat) -> "RowsWriter":
    from feature_service.adapters.export.rows import RowsWriter

    return RowsWriter(form)


def _svg(plot: "Plot") -> bytes:
    from feature_service.adapters.plot.svg import draw_svg

    return draw_svg(plot)


def _png(plot: "Plot") -> bytes:
    from feature_service.adapters.plot.png import draw_png

    return draw_png(plot)


def build_existing_devices(stores: Stores, registry: DeviceRegistry, cache: CacheClient) -> ExistingDevices | None:
    """Return what registers the devices of tables that others write; None for a store that reads none."""
    if not isinstance(stores.telemetry, TableReader):
        return None
    metadata = InvalidatingMetadataStore(stores.metadata, CachedCatalogue(stores.metadata, cache))
    return ExistingDevices(
        reader=stores.telemetry,
        targets=TargetRegistry(registry=registry, metadata=metadata),
        metadata=metadata,
        report=report,
    )


def _build_ingestion(
    settings: FeatureSettings, stores: Stores, registry: DeviceRegistry, metadata: MetadataStore, clock: Clock
) -> Ingestion:
    return Ingestion(
        targets=TargetRegistry(registry=registry, metadata=metadata),
        metadata=metadata,
        telemetry=stores.telemetry,
        reader=body_reader(max_json_bytes=settings.ingest_max_json_bytes),
        stage=lambda: FrameStage(stores.spool_folder),
        kept_since=lambda: telemetry_kept_since(settings, clock),
    )


def _build_dataset_jobs(
    settings: FeatureSettings, stores: Stores, registry: DeviceRegistry, clock: Clock
) -> DatasetJobs:
    return DatasetJobs(
        source=DatasetSource(registry=registry, telemetry=stores.telemetry),
        store=stores.datasets,
        files=stores.dataset_files,
        clock=clock,
        new_id=lambda: new_id("ds"),
        report=lambda error: log.error("a data set could not be built", exc_info=error),
        owner=stores.dataset_files.owner(),
        new_room=lambda: ExportFolder(stores.spool_folder).new_matrix(),
        runner=partition_runner(settings),
    )
