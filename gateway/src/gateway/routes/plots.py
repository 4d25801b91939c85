"""Pictures of a device's telemetry."""

from typing import TYPE_CHECKING, Annotated, Final, Literal

from fastapi import Query, Request, Response
from penstock.feature.v1 import feature_pb2 as pb
from pydantic import Field

from gateway.auth.guard import Guard
from gateway.auth.scope import TELEMETRY_READ
from gateway.convert.protobuf import build_message
from gateway.convert.scalar import Seconds, seconds_to_proto, time_to_proto
from gateway.http.disconnect import ActiveResponses, DisconnectGuard
from gateway.routes.extraction import Period
from gateway.routes.router import add, api_router
from gateway.routes.window_options import WindowOptions

if TYPE_CHECKING:
    from penstock.feature.v1.feature_pb2_grpc import FeatureServiceAsyncStub

_SECONDS: Final = 120.0
# A picture runs nothing and loads nothing, whoever's texts are in it.
_HEADERS: Final = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}


class PlotParameters(Period, WindowOptions):
    """What to draw."""

    device_code: str = Field(min_length=1, max_length=128)
    kind: Literal["series", "windows", "outliers", "anomalies"] = "series"
    field: list[str] = Field(default_factory=list, max_length=100, description="Repeatable, at most 8; else the first.")
    format: Literal["svg", "png"] = Field(
        default="svg", description="`png` needs the extra `plot`, and has 6 million pixels at most."
    )
    width: int = Field(default=0, ge=0, le=4_000, description="Pixels; 0: 960.")
    height: int = Field(default=0, ge=0, le=4_000, description="Pixels; 0: what the panels need.")
    max_gap: Seconds = Field(default=0, description="Seconds: lines are broken over longer gaps; 0: never.")
    overlap: float | None = Field(default=None, ge=0, lt=1, description="Left out: 0.5.")


class PlotRoutes:
    """``/api/v2/ai/plot``."""

    def __init__(self, *, features: "FeatureServiceAsyncStub", guard: Guard, active: ActiveResponses) -> None:
        self._features = features
        self._active = active
        self.router = api_router("plots", guard.needs(TELEMETRY_READ))
        add(self.router, "GET /api/v2/ai/plot", self.draw_plot)

    async def draw_plot(self, asked: Request, parameters: Annotated[PlotParameters, Query()]) -> Response:
        """Draw rows, means of windows, outliers or anomalies of a device, as SVG or PNG."""
        own = ("device_code", "kind", "format", "width", "height", "overlap")
        request = build_message(
            pb.DrawPlotRequest,
            **{name: getattr(parameters, name) for name in own},
            **parameters.window_fields(),
            fields=parameters.field,
            start_time=time_to_proto(parameters.start_time),
            end_time=time_to_proto(parameters.end_time),
            max_gap=seconds_to_proto(parameters.max_gap),
        )
        async with DisconnectGuard(asked.receive, self._active):
            answer = await self._features.DrawPlot(request, timeout=_SECONDS)
        return Response(answer.picture, media_type=answer.content_type, headers=_HEADERS)
