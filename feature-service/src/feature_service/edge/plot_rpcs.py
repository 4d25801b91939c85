"""The RPC that draws a device's telemetry."""

# The methods bear the names of the RPCs.
# ruff: noqa: N802

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from penstock.feature.v1 import feature_pb2

from feature_service.domain.anomaly.method import DEFAULT_WINDOW_SIZE
from feature_service.domain.feature.window import DEFAULT_SIZE
from feature_service.domain.plot.drawing import PlotDrawing
from feature_service.domain.plot.plot_query import PlotFormat, PlotKind, PlotQuery
from feature_service.edge.convert import span_from_proto
from feature_service.edge.convert_dataset import choice
from feature_service.edge.convert_window import micros_of_duration, window_of_request
from penstock_kit.context import current_context

if TYPE_CHECKING:
    from feature_service.domain.plot.plot import Plot

_TYPES: Final = {PlotFormat.SVG: "image/svg+xml", PlotFormat.PNG: "image/png"}


class PlotRpcs:
    """Converts, has the plot made and drawn."""

    def __init__(self, *, plots: PlotDrawing, draw: "Mapping[PlotFormat, Callable[[Plot], bytes]]") -> None:
        self._plots = plots
        self._draw = draw

    async def DrawPlot(self, request: feature_pb2.DrawPlotRequest, context: Any) -> feature_pb2.DrawPlotResponse:
        """Draw rows, windows, outliers or anomalies of a device."""
        form = choice(PlotFormat, request.format, "format", PlotFormat.SVG, reason="FORMAT_INVALID")
        kind = choice(PlotKind, request.kind, "kind", PlotKind.SERIES, reason="PLOT_INVALID")
        query = PlotQuery(
            device_code=request.device_code,
            kind=kind,
            span=span_from_proto(request),
            fields=tuple(dict.fromkeys(request.fields)),
            width=request.width or 960,
            height=request.height,
            max_gap=micros_of_duration(request, "max_gap") if request.HasField("max_gap") else None,
            is_raster=form is PlotFormat.PNG,
            window=window_of_request(request, DEFAULT_WINDOW_SIZE if kind is PlotKind.ANOMALIES else DEFAULT_SIZE),
        )
        plot = await self._plots.plot(current_context().caller.tenant_id, query)
        picture = await asyncio.to_thread(self._draw[form], plot)
        return feature_pb2.DrawPlotResponse(picture=picture, content_type=_TYPES[form])
