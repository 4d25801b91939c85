"""Anomalies: windows of devices unlike those of a baseline."""

import asyncio
from typing import TYPE_CHECKING

from fastapi import Request, Response
from penstock.feature.v1 import feature_pb2 as pb
from pydantic import Field

from gateway.auth.guard import Guard
from gateway.auth.scope import TELEMETRY_READ
from gateway.convert.anomaly import anomalies_from_proto
from gateway.convert.protobuf import build_message
from gateway.convert.scalar import Moment, Seconds, seconds_to_proto, time_to_proto
from gateway.http.disconnect import ActiveResponses, DisconnectGuard
from gateway.routes.envelope import Stopwatch
from gateway.routes.extraction import Period
from gateway.routes.router import add, api_router
from gateway.routes.strict import RequestModel
from gateway.routes.window_options import WindowOptions

if TYPE_CHECKING:
    from penstock.feature.v1.feature_pb2_grpc import FeatureServiceAsyncStub

_COMPUTE_SECONDS = 120.0
# From so many windows on the answer is turned into JSON beside the event loop.
_MANY_WINDOWS = 300


class Baseline(RequestModel):
    """The rows that show how it should be."""

    start_time: Moment = Field(description="Inclusive, ISO 8601.")
    end_time: Moment = Field(description="Exclusive.")


class AnomaliesRequest(Period, WindowOptions):
    """Which windows to score, and what to compare them with."""

    model_code: str = Field(default="", max_length=128, description="May be left out when devices are named.")
    device_codes: list[str] = Field(
        default_factory=list,
        max_length=10_000,
        description="At most 100; empty: those of the detector, else every device of the model.",
    )
    baseline: Baseline | None = Field(
        default=None, description="Left out: the rows right before `start_time`; without such, the first third."
    )
    fields: list[str] = Field(
        default_factory=list, max_length=10_000, description="At most 200; empty: every numeric field but the label."
    )
    method: str = Field(default="", max_length=40, description="`pca`, `isolation_forest` or `robust_z`; empty: `pca`.")
    min_rows: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="Windows by time with fewer rows are left out; 0: fewer than half of what those of the baseline "
        "usually have.",
    )
    overlap: float | None = Field(default=None, description="0 ≤ overlap < 1; left out: 0.5.")
    threshold: float | None = Field(
        default=None, gt=0, description="Scores above it are anomalous; left out: chosen on the baseline."
    )
    max_gap: Seconds = Field(
        default=0, description="Seconds: no window has neighbouring rows farther apart; 0: gaps do not matter."
    )
    detector_id: str = Field(
        default="",
        max_length=128,
        description="A fitted detector to use; `baseline`, `fields`, `method`, `window_size`, `step`, `min_rows` "
        "and `max_gap` are then left out. Without `start_time` it scores the newest 100 windows.",
    )
    stretches: bool = Field(
        default=False,
        description="Also the `stretches` in which a text field, such as a quality or a state, is not what it usually "
        "is, and in which windows `single_readings` alone are anomalous.",
    )

    def to_proto(self) -> pb.DetectAnomaliesRequest:
        """Return the message."""
        own = (
            *("model_code", "device_codes", "fields", "method", "overlap", "min_rows"),
            *("threshold", "detector_id", "stretches"),
        )
        return build_message(
            pb.DetectAnomaliesRequest,
            **{name: getattr(self, name) for name in own},
            **self.window_fields(),
            start_time=time_to_proto(self.start_time),
            end_time=time_to_proto(self.end_time),
            max_gap=seconds_to_proto(self.max_gap),
            baseline_start_time=time_to_proto(self.baseline.start_time) if self.baseline else None,
            baseline_end_time=time_to_proto(self.baseline.end_time) if self.baseline else None,
        )


class AnomalyRoutes:
    """The route ``/api/v2/ai/anomalies``."""

    def __init__(self, *, features: "FeatureServiceAsyncStub", guard: Guard, active: ActiveResponses) -> None:
        self._features = features
        self._active = active
        self.router = api_router("anomalies", guard.needs(TELEMETRY_READ))
        add(self.router, "POST /api/v2/ai/anomalies", self.detect_anomalies)

    async def detect_anomalies(self, asked: Request, body: AnomaliesRequest) -> Response:
        """Score windows of devices: a detector is fitted on the baseline alone, kept by its id, and usable online.

        A score above the threshold is anomalous; the contributions of the fields say why.
        """
        watch = Stopwatch()
        async with DisconnectGuard(asked.receive, self._active):
            response = await self._features.DetectAnomalies(body.to_proto(), timeout=_COMPUTE_SECONDS)
        if sum(len(device.windows) for device in response.devices) < _MANY_WINDOWS:
            return watch.envelope(anomalies_from_proto(response, stretches=body.stretches))
        return await asyncio.to_thread(lambda: watch.envelope(anomalies_from_proto(response, stretches=body.stretches)))
