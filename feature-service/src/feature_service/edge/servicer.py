"""The RPCs of penstock.feature.v1.FeatureService."""

# The methods bear the names of the RPCs.
# ruff: noqa: N802

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from penstock.common.v1 import common_pb2
from penstock.feature.v1 import feature_pb2, feature_pb2_grpc

from feature_service.domain.anomaly.detection import AnomalyDetection
from feature_service.domain.dataset.jobs import DatasetJobs
from feature_service.domain.ingest.ingest_counts import IngestCounts
from feature_service.domain.ingest.ingestion import Ingestion
from feature_service.domain.ingest.lost_messages import LostMessages
from feature_service.domain.ingest.plan import BodySpool
from feature_service.domain.ingest.point_ingestion import PointIngestion
from feature_service.domain.plot.drawing import PlotDrawing
from feature_service.domain.plot.plot_query import PlotFormat
from feature_service.domain.query.answer_limit import require_sendable
from feature_service.domain.query.feature_export import FeatureExport, FeatureFiles
from feature_service.domain.query.feature_statistics import FeatureStatisticsQuery
from feature_service.domain.query.query_counts import QueryCounts
from feature_service.domain.query.telemetry_queries import History, RowsFormat, TelemetryQueries
from feature_service.domain.registry.device_registry import DeviceRegistry
from feature_service.domain.status import ComponentState, StatusReport
from feature_service.domain.telemetry.query import LTTB, NewestQuery
from feature_service.edge import convert, convert_anomaly, convert_extraction
from feature_service.edge.convert_filter import selection_from_proto
from feature_service.edge.dataset_rpcs import DatasetRpcs
from feature_service.edge.export_rpcs import ExportRpcs, RowsFile
from feature_service.edge.extraction_request import ExtractionRequests
from feature_service.edge.ingest_rpcs import IngestRpcs
from feature_service.edge.page import page_number, page_size
from feature_service.edge.plot_rpcs import PlotRpcs
from penstock_kit.cache.warmup import Warmup
from penstock_kit.context import current_context

if TYPE_CHECKING:
    from feature_service.domain.plot.plot import Plot

_SMALLER_PAGE: Final = "ask for fewer fields or a smaller page_size"
_FEWER_ROWS: Final = "ask for fewer fields, a shorter range, a smaller limit, or an interval, which reduces the rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureServices:
    """What the servicer calls.

    `write_rows` gives media type and bytes of a file of rows, `rows_writer` makes what writes one block by block,
    `spool` makes a new place for a body to wait in, `rss_bytes` measures the process. `lost_messages` is None
    without a broker.
    """

    ingestion: Ingestion
    points: PointIngestion
    ingest_counts: IngestCounts
    queries: TelemetryQueries
    query_counts: QueryCounts
    registry: DeviceRegistry
    dataset_jobs: DatasetJobs
    anomalies: AnomalyDetection
    export: FeatureExport
    export_files: FeatureFiles
    plots: PlotDrawing
    write_rows: "Callable[[History, RowsFormat, Sequence[str] | None], tuple[str, bytes]]"
    rows_writer: "Callable[[RowsFormat], RowsFile]"
    draw: "Mapping[PlotFormat, Callable[[Plot], bytes]]"
    warmup: Warmup
    status: StatusReport
    lost_messages: LostMessages | None
    spool: Callable[[], BodySpool]
    rss_bytes: Callable[[], int]


class FeatureServicer(IngestRpcs, DatasetRpcs, ExportRpcs, PlotRpcs, feature_pb2_grpc.FeatureServiceServicer):
    """Each RPC converts, calls the domain and converts back; errors are the interceptor's."""

    def __init__(self, services: FeatureServices) -> None:
        DatasetRpcs.__init__(self, registry=services.registry, dataset_jobs=services.dataset_jobs)
        requests = ExtractionRequests(services.queries, services.dataset_jobs)
        ExportRpcs.__init__(
            self,
            queries=services.queries,
            export=services.export,
            files=services.export_files,
            rows_writer=services.rows_writer,
            requests=requests,
        )
        IngestRpcs.__init__(
            self,
            ingestion=services.ingestion,
            points=services.points,
            ingest_counts=services.ingest_counts,
            spool=services.spool,
        )
        PlotRpcs.__init__(self, plots=services.plots, draw=services.draw)
        self._queries = services.queries
        self._anomalies = services.anomalies
        self._write_rows = services.write_rows
        self._status = services.status
        self._lost_messages = services.lost_messages
        self._rss_bytes = services.rss_bytes

    async def QueryRealtime(
        self, request: feature_pb2.QueryRealtimeRequest, context: Any
    ) -> feature_pb2.QueryRealtimeResponse:
        """Read the newest rows of a model's devices."""
        page, size = page_number(request.page), page_size(request.page_size)
        form = convert.rows_format_from_proto(request)
        selection = selection_from_proto(request.filters)
        query = NewestQuery(
            fields=tuple(request.fields),
            span=selection.span,
            conditions=selection.conditions,
            offset=(page - 1) * size,
            limit=size,
        )
        rows = await self._queries.newest(_tenant(), request.model_code, query, selection.device_codes)
        require_sendable(convert.frame_bytes(rows.frame), _SMALLER_PAGE)
        if form is not None:
            more = query.offset + len(rows.frame) < rows.total
            history = History(frame=rows.frame, truncated=more, units={})
            content_type, file = await asyncio.to_thread(self._write_rows, history, form, rows.device_codes)
            require_sendable(len(file), _SMALLER_PAGE)
            return feature_pb2.QueryRealtimeResponse(
                file=file,
                content_type=content_type,
                total=rows.total,
                total_is_estimate=rows.total_is_estimate,
                page=page,
                page_size=size,
            )
        return feature_pb2.QueryRealtimeResponse(
            rows=convert.frame_to_proto(rows.frame, device_codes=rows.device_codes),
            total=rows.total,
            total_is_estimate=rows.total_is_estimate,
            page=page,
            page_size=size,
        )

    async def QueryHistory(
        self, request: feature_pb2.QueryHistoryRequest, context: Any
    ) -> feature_pb2.QueryHistoryResponse:
        """Read rows or buckets of a device."""
        form = convert.rows_format_from_proto(request)
        history = await self._history(request)
        require_sendable(convert.frame_bytes(history.frame), _FEWER_ROWS)
        if form is not None:
            content_type, file = await asyncio.to_thread(self._write_rows, history, form, None)
            require_sendable(len(file), _FEWER_ROWS)
            return feature_pb2.QueryHistoryResponse(file=file, content_type=content_type, truncated=history.truncated)
        table = await asyncio.to_thread(convert.frame_to_proto, history.frame, units=history.units)
        gaps = convert.gaps_to_proto(history.gaps)
        return feature_pb2.QueryHistoryResponse(rows=table, truncated=history.truncated, gaps=gaps)

    async def _history(self, request: feature_pb2.QueryHistoryRequest) -> History:
        query = convert.history_from_proto(request)
        if request.aggregate == LTTB:
            return await self._queries.downsampled(_tenant(), request.device_code, query)
        aggregates = convert.aggregates_from_proto(request)
        return await self._queries.history(_tenant(), request.device_code, query, aggregates)

    async def ComputeStatistics(
        self, request: feature_pb2.ComputeStatisticsRequest, context: Any
    ) -> feature_pb2.ComputeStatisticsResponse:
        """Compute statistics of a device's fields."""
        query = convert.statistics_from_proto(request)
        result = await self._queries.statistics(_tenant(), request.device_code, query)
        return convert.statistics_to_proto(request.device_code, result)

    async def ExtractFeatures(
        self, request: feature_pb2.ExtractFeaturesRequest, context: Any
    ) -> feature_pb2.ExtractFeaturesResponse:
        """Compute features over windows of a device."""
        asked = await self._requests.asked(request)
        as_json = request.as_json
        return await self._queries.features(
            asked.tenant_id,
            asked.target,
            asked.span,
            asked.plan,
            asked.fields,
            newest=asked.newest,
            convert=convert_extraction.table_to_json_proto if as_json else convert_extraction.table_to_proto,
            value_bytes=convert_extraction.BYTES_AS_JSON if as_json else 8,
        )

    async def GetFeatureStats(
        self, request: feature_pb2.GetFeatureStatsRequest, context: Any
    ) -> feature_pb2.GetFeatureStatsResponse:
        """Compute statistics and correlations of window features of a model's devices."""
        model = await self._registry.model(_tenant(), request.model_code)
        options = convert_extraction.with_defaults(model.defaults, request.options)
        query = FeatureStatisticsQuery(
            fields=tuple(dict.fromkeys(options.fields)),
            span=convert.span_from_proto(request),
            plan=convert_extraction.plan_from_proto(options),
            window_is_default=not options.window_size and not options.step_rows,
            correlate=not request.without_correlations,
        )
        result = await self._queries.model_statistics(_tenant(), model, query, request.device_codes)
        return await asyncio.to_thread(convert.feature_stats_to_proto, result, query.fields)

    async def DetectAnomalies(
        self, request: feature_pb2.DetectAnomaliesRequest, context: Any
    ) -> feature_pb2.DetectAnomaliesResponse:
        """Score windows of devices against a baseline."""
        found = await self._anomalies.detect(_tenant(), convert_anomaly.query_from_proto(request))
        return await asyncio.to_thread(convert_anomaly.anomalies_to_proto, found)

    async def GetStatus(self, request: feature_pb2.GetStatusRequest, context: Any) -> feature_pb2.GetStatusResponse:
        """Tell how the stores are."""
        return feature_pb2.GetStatusResponse(
            components=[_component(state) for state in await self._status.components()], rss_bytes=self._rss_bytes()
        )

    async def GetLostMessages(
        self, request: feature_pb2.GetLostMessagesRequest, context: Any
    ) -> feature_pb2.GetLostMessagesResponse:
        """Tell what all replicas lost of the broker's messages within the last minutes."""
        if self._lost_messages is None:
            return feature_pb2.GetLostMessagesResponse()
        recent = await self._lost_messages.recent()
        return feature_pb2.GetLostMessagesResponse(
            losses=[feature_pb2.LostMessages(loss=loss.value, messages=count) for loss, count in recent.items()]
        )


def _component(state: ComponentState) -> common_pb2.ComponentStatus:
    return common_pb2.ComponentStatus(name=state.name, state=state.state, detail=state.detail)


def _tenant() -> str:
    return current_context().caller.tenant_id
