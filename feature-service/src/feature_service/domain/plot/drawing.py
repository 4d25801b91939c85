"""From a device's rows to a plot: read block by block, reduced to what the picture shows."""

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from feature_service.domain.anomaly.detection import AnomalyDetection
from feature_service.domain.anomaly.query import AnomalyQuery
from feature_service.domain.extraction.plan import ExtractionPlan
from feature_service.domain.extraction.work_limit import MAX_PICTURE_READINGS, require_workable
from feature_service.domain.model.series import SeriesKey
from feature_service.domain.model.span import Extent, Span
from feature_service.domain.plot.plot_query import PlotKind, PlotQuery
from feature_service.domain.preprocessing.method import MissingMethod, NormalizeMethod, OutlierMethod
from feature_service.domain.query.field_choice import numeric_fields
from feature_service.domain.query.telemetry_queries import FeatureTarget, TelemetryQueries
from feature_service.domain.telemetry.store import TelemetryStore
from penstock_kit.errors import InvalidArgument, Unprocessable

if TYPE_CHECKING:
    from feature_service.domain.model.frame import Frame
    from feature_service.domain.plot.plot import Line, Panel, Plot

MAX_PANELS: Final = 8
MAX_SIDE: Final = 4_000
MAX_PIXELS: Final = 6_000_000
"""Pixels of a PNG, each of which is packed; those of the widest picture that is as high as its panels need fit."""
_MOST_VALUES: Final = 10_000_000
"""Values that outliers are looked for in, or windows made of, at once."""
_BLOCK: Final = 500_000
_PANEL_HEIGHT: Final = 150
_MARGIN: Final = 90


class PlotDrawing:
    """Makes plots of a tenant's devices."""

    def __init__(self, *, queries: TelemetryQueries, telemetry: TelemetryStore, anomalies: AnomalyDetection) -> None:
        self._queries = queries
        self._telemetry = telemetry
        self._anomalies = anomalies

    async def plot(self, tenant_id: str, query: PlotQuery) -> "Plot":
        """Return what is to be drawn.

        Raises NotFound DEVICE_NOT_FOUND or TIME_RANGE_EMPTY, InvalidArgument FIELD_NOT_FOUND, FIELD_TYPE_INVALID or
        PLOT_INVALID, Unprocessable PLOT_LIMIT_EXCEEDED, and what anomalies and features raise.
        """
        from feature_service.domain.plot.plot import Plot

        _require_size(query)
        target = await self._queries.feature_target(tenant_id, query.device_code, "")
        query = replace(query, fields=_fields(query, target))
        key = SeriesKey(tenant_id=tenant_id, device_code=query.device_code)
        extent = await self._telemetry.extent(key)
        if extent is None or await self._telemetry.row_count(key, query.span) == 0:
            raise await self._queries.no_data(key, query.span)
        start, end = _ends(query.span, extent)
        lines = await self._lines(key, query, start, end)
        panels, note = await self._panels(tenant_id, key, query, lines)
        return Plot(
            title=f"{query.device_code}: {', '.join(query.fields)}",
            note=note,
            start=start,
            end=end,
            width=query.width,
            height=query.height or len(panels) * _PANEL_HEIGHT + _MARGIN,
            panels=panels,
        )

    async def _lines(self, key: SeriesKey, query: PlotQuery, start: int, end: int) -> "dict[str, Line]":
        """Each field's rows, reduced to the picture's pixels; memory does not grow with the range."""
        import numpy as np

        from feature_service.domain.plot.plot import Line
        from feature_service.domain.plot.reduction import joined, reduced

        empty = Line(times=np.empty(0, dtype=np.int64), values=np.empty(0))
        lines = dict.fromkeys(query.fields, empty)

        def fold(frame: "Frame") -> None:
            times = frame.timestamps.astype(np.int64)
            for name in query.fields:
                more = reduced(Line(times=times, values=frame.numbers[name]), start, end, query.width)
                lines[name] = reduced(joined(lines[name], more), start, end, query.width)

        async for frame in self._telemetry.blocks(key, query.fields, query.span, _BLOCK):
            await asyncio.to_thread(fold, frame)
        return lines

    async def _panels(
        self, tenant_id: str, key: SeriesKey, query: PlotQuery, lines: "dict[str, Line]"
    ) -> "tuple[tuple[Panel, ...], str]":
        from feature_service.domain.plot.plot import Panel
        from feature_service.domain.plot.reduction import stretches

        plain = {name: Panel(title=name, lines=stretches(line, query.max_gap)) for name, line in lines.items()}
        match query.kind:
            case PlotKind.SERIES:
                return tuple(plain.values()), ""
            case PlotKind.ANOMALIES:
                shaded, note = await self._shaded(tenant_id, query)
                return tuple(replace(panel, shaded=shaded) for panel in plain.values()), note
            case PlotKind.OUTLIERS:
                frame = await self._frame(key, query)
                return await asyncio.to_thread(_with_outliers, plain, frame, query)
            case PlotKind.WINDOWS:
                frame = await self._frame(key, query)
                return await asyncio.to_thread(_with_windows, plain, frame, query)

    async def _frame(self, key: SeriesKey, query: PlotQuery) -> "Frame":
        values = await self._telemetry.row_count(key, query.span) * len(query.fields)
        if values > _MOST_VALUES:
            raise Unprocessable(
                f"a plot of {query.kind} looks at {_MOST_VALUES} values at most, the range has {values}; take a "
                "shorter range or fewer fields",
                reason="PLOT_LIMIT_EXCEEDED",
            )
        return await self._telemetry.read(key, query.fields, query.span)

    async def _shaded(self, tenant_id: str, query: PlotQuery) -> tuple[tuple[tuple[int, int], ...], str]:
        asked = AnomalyQuery(
            span=query.span,
            device_codes=(query.device_code,),
            fields=query.fields,
            window=replace(query.window, max_gap=None),
        )
        found = (await self._anomalies.detect(tenant_id, asked, keep=False)).devices[0].windows
        starts, ends = found.starts.astype("int64").tolist(), found.ends.astype("int64").tolist()
        spans: list[tuple[int, int]] = []
        for start, end, strange in zip(starts, ends, found.anomalous.tolist(), strict=True):
            if strange and spans and start <= spans[-1][1]:
                spans[-1] = (spans[-1][0], end)
            elif strange:
                spans.append((start, end))
        count = int(found.anomalous.sum())
        return tuple(spans), f"shaded: {count} of {len(starts)} windows are unlike the baseline"


def _with_outliers(plain: "dict[str, Panel]", frame: "Frame", query: PlotQuery) -> "tuple[tuple[Panel, ...], str]":
    import numpy as np

    from feature_service.domain.plot.plot import Line
    from feature_service.domain.plot.reduction import reduced
    from feature_service.domain.preprocessing.outlier import fit_outlier_filter

    fitted = fit_outlier_filter(frame.numbers, OutlierMethod.IQR)
    times = frame.timestamps.astype(np.int64)
    panels: list[Panel] = []
    count = 0
    for name, panel in plain.items():
        values, fence = frame.numbers[name], fitted.fences.get(name)
        beyond = np.zeros(len(values), dtype=np.bool_) if fence is None else fence.beyond(values)
        count += int(beyond.sum())
        marks = Line(times=times[beyond], values=values[beyond])
        panels.append(replace(panel, marks=reduced(marks, int(times[0]), int(times[-1]) + 1, query.width)))
    return tuple(panels), f"marked: {count} values outside of q25 - 1.5 IQR to q75 + 1.5 IQR"


def _with_windows(plain: "dict[str, Panel]", frame: "Frame", query: PlotQuery) -> "tuple[tuple[Panel, ...], str]":
    import numpy as np

    from feature_service.domain.extraction.extract import extract_features
    from feature_service.domain.feature.window_rows import extent_of
    from feature_service.domain.plot.plot import Line
    from feature_service.domain.plot.reduction import reduced

    window = query.window.within(query.span, extent_of(frame.timestamps))
    require_workable(
        window, window.count(len(frame)), rows=len(frame), columns=len(frame.numbers), most=MAX_PICTURE_READINGS
    )
    plan = ExtractionPlan(window=window, features=("mean",), missing=MissingMethod.NONE, normalize=NormalizeMethod.NONE)
    table = extract_features(frame, plan)
    starts = table.starts.astype(np.int64)
    start, end = int(starts[0]), int(starts[-1]) + 1
    panels = [
        replace(panel, steps=(reduced(Line(times=starts, values=means), start, end, query.width),))
        for panel, means in zip(plain.values(), table.matrix.T, strict=True)
    ]
    return tuple(panels), f"steps: means of {len(starts)} windows of {window}, overlap {window.overlap:g}"


def _fields(query: PlotQuery, target: FeatureTarget) -> tuple[str, ...]:
    label = target.model.label_field if target.model else ""
    fields = tuple(dict.fromkeys(numeric_fields(query.fields, target.device, leave_out=label)))
    if not query.fields:
        fields = fields[:MAX_PANELS]
    if not 1 <= len(fields) <= MAX_PANELS:
        raise InvalidArgument(
            f"a plot has 1 to {MAX_PANELS} number fields, these are {len(fields)}; name some", reason="PLOT_INVALID"
        )
    return fields


def _require_size(query: PlotQuery) -> None:
    if not 100 <= query.width <= MAX_SIDE or (query.height and not 100 <= query.height <= MAX_SIDE):
        raise InvalidArgument(f"width and height are from 100 to {MAX_SIDE} pixels", reason="PLOT_INVALID")
    if query.is_raster and query.width * query.height > MAX_PIXELS:
        raise InvalidArgument(
            f"a PNG of {query.width} x {query.height} has {query.width * query.height} pixels, at most {MAX_PIXELS} "
            "are drawn; ask for a smaller one, or for format=svg",
            reason="PLOT_INVALID",
        )


def _ends(span: Span, extent: Extent) -> tuple[int, int]:
    """The ends of the axis: those asked for, as far as there are rows."""
    start = extent.first if span.start is None else max(span.start, extent.first)
    end = extent.last + 1 if span.end is None else min(span.end, extent.last + 1)
    return start, max(end, start + 1)
