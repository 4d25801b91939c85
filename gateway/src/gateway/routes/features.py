"""Features over windows, and statistics of a model's fields."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import Query, Request, Response
from penstock.feature.v1 import feature_pb2 as pb
from pydantic import Field

from gateway.auth.guard import Guard
from gateway.auth.scope import TELEMETRY_READ
from gateway.convert.feature import features_from_proto, field_statistics_from_proto, stats_from_proto
from gateway.convert.protobuf import build_message
from gateway.convert.scalar import Moment, time_from_proto, time_to_proto
from gateway.http.disconnect import ActiveResponses, DisconnectGuard
from gateway.routes.envelope import Stopwatch
from gateway.routes.extraction import ExtractionOptions, Period
from gateway.routes.plain import PlainRequests
from gateway.routes.router import add, api_router
from gateway.transfer.download import Download
from gateway.transfer.feature_stream import FeatureJson
from penstock_kit.errors import Unprocessable

if TYPE_CHECKING:
    from penstock.feature.v1.feature_pb2_grpc import FeatureServiceAsyncStub

_COMPUTE_SECONDS = 120.0
_DOWNLOAD_SECONDS = 3600.0
_TOO_LARGE = "ANSWER_LIMIT_EXCEEDED"
# From here on the matrix is turned into JSON beside the event loop.
_LARGE_BYTES = 256 * 1024


class ExtractRequest(ExtractionOptions, Period):
    """Which rows to make features of, and how."""

    model_code: str = Field(default="", max_length=128)
    device_code: str = Field(min_length=1, max_length=128)
    newest_windows: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="Only so many windows, the newest of the range, as the whole range has them; left out: all.",
    )
    dataset_id: str = Field(
        default="",
        max_length=128,
        description="Features as this data set has them: its fields, options, fences, fills and scaling. "
        "Then no option is named beside it.",
    )


class FeatureStatsParameters(ExtractionOptions, Period):
    """Which rows to make features of, and how."""

    model_code: str = Field(min_length=1, max_length=128)
    device_code: list[str] = Field(default_factory=list, description="Repeatable; left out: every device.")
    correlations: bool = Field(default=True, description="Also compute the correlations of the features.")


class FeatureRoutes:
    """The routes below ``/api/v2/ai/features``, without data sets."""

    def __init__(self, *, features: "FeatureServiceAsyncStub", guard: Guard, active: ActiveResponses) -> None:
        self._features = features
        self._active = active
        self.router = api_router("features", guard.needs(TELEMETRY_READ))
        self.plain = {
            ("POST", "/api/v2/ai/features/extract"): PlainRequests(
                scope=TELEMETRY_READ, answer=self._extract, body=ExtractRequest, active=active
            )
        }
        add(self.router, "POST /api/v2/ai/features/extract", self.extract_features)
        add(self.router, "GET /api/v2/ai/features/stats", self.feature_stats)
        add(self.router, "GET /api/v2/data/statistics", self.device_statistics)

    async def extract_features(
        self,
        asked: Request,
        body: ExtractRequest,
        format: Annotated[
            Literal["json", "arrow", "parquet", "npz"], Query(description="Form of the answer; all but json are files.")
        ] = "json",
    ) -> Response:
        """Compute features over windows of one device's rows; as many as the service's disk can put aside."""
        async with DisconnectGuard(asked.receive, self._active):
            return await self._extract(body, format)

    async def _extract(self, body: ExtractRequest, form: str = "json") -> Response:
        watch = Stopwatch()
        request = build_message(
            pb.ExtractFeaturesRequest,
            model_code=body.model_code,
            device_code=body.device_code,
            start_time=time_to_proto(body.start_time),
            end_time=time_to_proto(body.end_time),
            options=body.options_to_proto(),
            newest_windows=body.newest_windows or 0,
            dataset_id=body.dataset_id,
            as_json=form == "json",
        )
        if form != "json":
            return Download(self._download(request, form), self._active)
        try:
            response = await self._features.ExtractFeatures(request, timeout=_COMPUTE_SECONDS)
        except Unprocessable as error:
            if error.reason != _TOO_LARGE:
                raise
            return FeatureJson(self._download(request, ""), self._active)
        if len(response.values) < _LARGE_BYTES:
            return watch.envelope(features_from_proto(response))
        return await asyncio.to_thread(lambda: watch.envelope(features_from_proto(response)))

    def _download(self, request: pb.ExtractFeaturesRequest, form: str) -> Callable[[], Any]:
        wanted = pb.DownloadFeaturesRequest(extraction=request, format=form)
        return lambda: self._features.DownloadFeatures(wanted, timeout=_DOWNLOAD_SECONDS)

    async def feature_stats(self, asked: Request, parameters: Annotated[FeatureStatsParameters, Query()]) -> Response:
        """Return statistics of window features over a model's devices, with correlations.

        Features are made and named as by extraction, before scaling.
        """
        watch = Stopwatch()
        request = build_message(
            pb.GetFeatureStatsRequest,
            model_code=parameters.model_code,
            start_time=time_to_proto(parameters.start_time),
            end_time=time_to_proto(parameters.end_time),
            device_codes=parameters.device_code,
            options=parameters.options_to_proto(),
            without_correlations=not parameters.correlations,
        )
        async with DisconnectGuard(asked.receive, self._active):
            response = await self._features.GetFeatureStats(request, timeout=_COMPUTE_SECONDS)
        return await asyncio.to_thread(lambda: watch.envelope(stats_from_proto(response)))

    async def device_statistics(
        self,
        *,
        device_code: Annotated[str, Query(min_length=1, max_length=128)],
        field: Annotated[list[str] | None, Query(description="Repeatable; left out: every numeric field.")] = None,
        start_time: Moment | None = None,
        end_time: Moment | None = None,
    ) -> Response:
        """Return statistics of one device's fields over a range, computed in the store."""
        watch = Stopwatch()
        request = build_message(
            pb.ComputeStatisticsRequest,
            device_code=device_code,
            fields=field or [],
            start_time=time_to_proto(start_time),
            end_time=time_to_proto(end_time),
        )
        response = await self._features.ComputeStatistics(request, timeout=_COMPUTE_SECONDS)
        return watch.envelope(
            {
                "device_code": response.device_code,
                "row_count": response.row_count,
                "first_time": time_from_proto(response, "first_time"),
                "last_time": time_from_proto(response, "last_time"),
                "statistics": [field_statistics_from_proto(entry) for entry in response.statistics],
            }
        )
