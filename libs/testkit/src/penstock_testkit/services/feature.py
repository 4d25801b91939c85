"""A scripted feature-service that remembers what was ingested."""

import struct
from collections.abc import AsyncIterator
from typing import Any

from penstock.common.v1.common_pb2 import ComponentStatus
from penstock.feature.v1 import feature_pb2 as pb
from penstock.feature.v1.feature_pb2_grpc import FeatureServiceServicer

from penstock_kit.context import Caller, current_context
from penstock_kit.errors import InvalidArgument, NotFound, PenstockError, Unavailable

NAN = float("nan")


class FakeFeature(FeatureServiceServicer):
    """Takes every ingest (or fails with `refusal` after the options) and answers queries with fixed tables."""

    def __init__(self) -> None:
        self.options: list[pb.IngestOptions] = []
        self.bodies: list[bytes] = []
        self.chunk_sizes: list[int] = []
        self.requests: list[Any] = []
        self.callers: list[Caller] = []
        self.refused = 0
        self.refusal: PenstockError | None = None
        self.points = pb.IngestResponse(rows_accepted=2)
        self.file = b"x" * 3_000_000
        self.away: frozenset[str] = frozenset()
        self.unknown: frozenset[str] = frozenset()
        self.anomalies = pb.DetectAnomaliesResponse(detector_id="det_1")
        self.writes_json = True

    async def Ingest(  # noqa: N802 - the RPC's name
        self, request_iterator: AsyncIterator[pb.IngestRequest], context: Any
    ) -> pb.IngestResponse:
        """Keep the body."""
        self.callers.append(current_context().caller)
        body = bytearray()
        async for request in request_iterator:
            if request.HasField("options"):
                self.options.append(request.options)
                if self.refusal is not None:
                    raise self.refusal
            elif not request.HasField("chunk"):
                self.refused += 1
                raise InvalidArgument("after the options only chunks may follow", reason="CHUNK_REQUIRED")
            else:
                body += request.chunk
                self.chunk_sizes.append(len(request.chunk))
        self.bodies.append(bytes(body))
        if self.options[-1].format == pb.INGEST_FORMAT_LINE_PROTOCOL:
            return self.points
        errors = [pb.RowError(line=3, reason="current: 'abc' is not a number")]
        return pb.IngestResponse(
            device_code=self.options[-1].device_code,
            rows_accepted=2,
            rows_rejected=1,
            rows_merged=1,
            errors=errors,
            fields=["a b"],
            ingested_fields=[pb.IngestedField(name="a b", type="number", guessed=True, decimal=",")],
            notes=["the body was read in its order"],
        )

    async def WatchIngest(  # noqa: N802
        self, request_iterator: AsyncIterator[pb.WatchIngestRequest], context: Any
    ) -> AsyncIterator[pb.WatchIngestResponse]:
        """Tell of a piece, then keep the body."""
        yield pb.WatchIngestResponse(progress=pb.IngestProgress(stage="receiving", received_bytes=3))
        parts = (pb.IngestRequest.FromString(each.SerializeToString()) async for each in request_iterator)
        yield pb.WatchIngestResponse(result=await self.Ingest(parts, context))

    async def QueryRealtime(  # noqa: N802
        self, request: pb.QueryRealtimeRequest, context: Any
    ) -> pb.QueryRealtimeResponse:
        """Return two rows with a hole."""
        self.requests.append(request)
        return pb.QueryRealtimeResponse(rows=_table(), total=2, page=request.page, page_size=request.page_size)

    async def QueryHistory(  # noqa: N802
        self, request: pb.QueryHistoryRequest, context: Any
    ) -> pb.QueryHistoryResponse:
        """Return two rows with a hole; fail for the devices that are `away` or `unknown`."""
        self.requests.append(request)
        if request.device_code in self.away:
            raise Unavailable(f"{request.device_code} is away", reason="STORAGE_UNAVAILABLE")
        if request.device_code in self.unknown:
            raise NotFound(f"unknown device {request.device_code!r}", reason="DEVICE_NOT_FOUND")
        return pb.QueryHistoryResponse(rows=_table(), truncated=True)

    async def ExportRows(  # noqa: N802
        self, request: pb.ExportRowsRequest, context: Any
    ) -> AsyncIterator[pb.ExportRowsResponse]:
        """Send a file of two chunks; fail for the devices that are `unknown`."""
        self.requests.append(request)
        if request.device_code in self.unknown:
            raise NotFound(f"unknown device {request.device_code!r}", reason="DEVICE_NOT_FOUND")
        kind = f"text/{request.format}"
        yield pb.ExportRowsResponse(chunk=b"timestamp,x\n", content_type=kind, filename=f"rows.{request.format}")
        yield pb.ExportRowsResponse(chunk=b"2026-01-01T00:00:00Z,1\n")

    async def DetectAnomalies(  # noqa: N802
        self, request: pb.DetectAnomaliesRequest, context: Any
    ) -> pb.DetectAnomaliesResponse:
        """Answer with `anomalies`."""
        self.requests.append(request)
        self.callers.append(current_context().caller)
        return self.anomalies

    async def ExtractFeatures(  # noqa: N802
        self, request: pb.ExtractFeaturesRequest, context: Any
    ) -> pb.ExtractFeaturesResponse:
        """Return two windows of two features, one undefined; options left out are filled in as the service does.

        Values come as JSON to who asks for that, unless it no longer `writes_json`, as a service before that.
        """
        self.requests.append(request)
        options = pb.ExtractionOptions(overlap=0.5, normalize_method="z_score")
        options.MergeFrom(request.options)
        as_json = request.as_json and self.writes_json
        return pb.ExtractFeaturesResponse(
            feature_names=["current_mean", "current_std"],
            values=b"" if as_json else struct.pack("<4d", 1.5, NAN, 2.5, float("inf")),
            values_json=b"[[1.5,null],[2.5,null]]" if as_json else b"",
            timestamps=[0, 1_500_000],
            window_count=2,
            options=options,
            fitted_json='{"fences": {}}',
        )

    async def CreateDataset(  # noqa: N802
        self, request: pb.CreateDatasetRequest, context: Any
    ) -> pb.CreateDatasetResponse:
        """Return a data set that is done."""
        self.requests.append(request)
        return pb.CreateDatasetResponse(dataset=pb.Dataset(id="ds_1", state="done"))

    async def GetFeatureStats(  # noqa: N802
        self, request: pb.GetFeatureStatsRequest, context: Any
    ) -> pb.GetFeatureStatsResponse:
        """Return the statistics of two features, one undefined."""
        self.requests.append(request)
        return pb.GetFeatureStatsResponse(
            feature_statistics=[
                pb.FieldStatistics(field="current_mean", count=7, mean=1.5),
                pb.FieldStatistics(field="current_std"),
            ],
            correlation_matrix=[1.0, NAN, NAN, NAN],
            sample_count=7,
            options=request.options,
        )

    async def GetDataset(self, request: pb.GetDatasetRequest, context: Any) -> pb.GetDatasetResponse:  # noqa: N802
        """Know the data set ds_1."""
        self._known(request.id)
        return pb.GetDatasetResponse(dataset=pb.Dataset(id=request.id, state="done", manifest_json='{"v": 1}'))

    async def DownloadDataset(  # noqa: N802
        self, request: pb.DownloadDatasetRequest, context: Any
    ) -> AsyncIterator[pb.DownloadDatasetResponse]:
        """Send what is asked for of `file` in chunks of a third of it."""
        self._known(request.id)
        size = len(self.file)
        start = min(size, request.offset if request.offset >= 0 else max(0, size + request.offset))
        wanted = self.file[start : start + request.length] if request.length else self.file[start:]
        yield pb.DownloadDatasetResponse(
            content_type="application/x-npz",
            filename="ds 1.npz",
            size_bytes=size,
            offset=start,
            length=len(wanted),
        )
        for first in range(0, len(wanted), size // 3):
            yield pb.DownloadDatasetResponse(chunk=wanted[first : first + size // 3])

    async def DrawPlot(self, request: pb.DrawPlotRequest, context: Any) -> pb.DrawPlotResponse:  # noqa: N802
        """Return an empty picture."""
        self.requests.append(request)
        return pb.DrawPlotResponse(picture=b"<svg/>", content_type="image/svg+xml")

    async def GetStatus(self, request: pb.GetStatusRequest, context: Any) -> pb.GetStatusResponse:  # noqa: N802
        """Say that the telemetry store limps."""
        limping = ComponentStatus(name="telemetry", state="degraded", detail="loading")
        return pb.GetStatusResponse(components=[limping])

    def _known(self, identity: str) -> None:
        if identity != "ds_1":
            raise NotFound(f"there is no data set {identity!r}", reason="DATASET_NOT_FOUND")


def _table() -> pb.Table:
    return pb.Table(
        timestamps=[1_000_000, 2_500_000],
        device_codes=["WLD001", "WLD002"],
        columns=[
            pb.Column(name="current", numbers=[1.5, NAN]),
            pb.Column(name="quality_label", texts=["good", ""]),
        ],
    )
