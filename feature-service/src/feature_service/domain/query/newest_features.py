"""The newest windows of a range, to the bit those that the whole range gives, from as few rows as that takes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from feature_service.domain.extraction.cancellation import run_abandonable
from feature_service.domain.extraction.extract import FeatureTable, extract_features
from feature_service.domain.extraction.plan import MOST_VALUES_AT_ONCE, ExtractionPlan
from feature_service.domain.feature.time_window import TimeWindowPlan
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.feature.window_rows import window_rows
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.series import SeriesKey
from feature_service.domain.model.span import Extent, Span
from feature_service.domain.preprocessing.method import MissingMethod, NormalizeMethod, OutlierMethod
from feature_service.domain.query.feature_stream import FeatureStream, MemoryMatrix
from feature_service.domain.telemetry.query import HistoryQuery
from feature_service.domain.telemetry.store import TelemetryStore

_BESIDE: Final = (MissingMethod.INTERPOLATE, MissingMethod.FORWARD_FILL)
"""What fills a value from readings before it."""
_FEW_ROWS: Final = 64
"""Rows before the windows in which such readings are looked for first."""
_MORE: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class NewestWindows:
    """The newest `windows` of the windows by `plan` over the rows of a range, of which there are `rows`."""

    key: SeriesKey
    fields: Sequence[str]
    span: Span
    plan: ExtractionPlan
    windows: int
    rows: int


async def newest_features(telemetry: TelemetryStore, asked: NewestWindows) -> FeatureTable:
    """Return the features of the newest windows.

    What is fitted is fitted on the whole range, unless the plan brings it. Raises what :func:`extract_features` does.
    """
    asked.plan.window.require(asked.rows)
    extent = await telemetry.extent(asked.key)
    if extent is None or not is_near(asked.plan):
        return _cut(await _whole(telemetry, asked), asked.windows)
    context = _FEW_ROWS if asked.plan.missing in _BESIDE else 0
    reach = asked.windows
    while True:
        frame, plan, first = await _near(telemetry, replace(asked, windows=reach), extent, context)
        if len(frame) < asked.rows and not _is_known(frame, first, plan):
            context *= _MORE
        elif len(frame) < asked.rows and len(window_rows(frame.timestamps, plan.window)) < asked.windows:
            reach, context = reach * _MORE, max(context, _FEW_ROWS) * _MORE  # some were left out: too few rows
        else:
            return _cut(await run_abandonable(partial(extract_features, frame, plan)), asked.windows)


def is_near(plan: ExtractionPlan) -> bool:
    """Whether windows depend on no row far from them: nothing is fitted, and where they lie is known by counting."""
    fits = plan.outliers is not OutlierMethod.NONE or plan.normalize is not NormalizeMethod.NONE
    constant = plan.missing in {MissingMethod.MEAN, MissingMethod.MEDIAN}
    if plan.fitted is None and (fits or constant):
        return False
    if plan.missing is MissingMethod.DROP:
        return False
    return isinstance(plan.window, TimeWindowPlan) or plan.window.max_gap is None


async def _near(
    telemetry: TelemetryStore, asked: NewestWindows, extent: Extent, context: int
) -> tuple[Frame, ExtractionPlan, int]:
    """Return rows from `context` rows before the windows on, the plan for them, and how many of them are before."""
    window = asked.plan.window
    if isinstance(window, WindowPlan):
        before = -(-context // window.step)
        first = max(0, window.count(asked.rows) - asked.windows)
        start = max(0, first - before)
        frame = await _last_rows(telemetry, asked, asked.rows - start * window.step)
        return frame, asked.plan, (first - start) * window.step
    inside = window.within(asked.span, extent)
    assert inside.start is not None
    assert inside.end is not None
    start = max(inside.start, ((inside.end - inside.size) // inside.step - asked.windows + 1) * inside.step)
    behind = await telemetry.row_count(asked.key, Span(start=start, end=asked.span.end))
    frame = await _last_rows(telemetry, asked, behind + context)
    if len(frame) >= asked.rows:
        return frame, asked.plan, 0
    first = int(np.searchsorted(frame.timestamps.astype("int64"), start))
    return frame, replace(asked.plan, window=replace(inside, start=start)), first


async def _last_rows(telemetry: TelemetryStore, asked: NewestWindows, rows: int) -> Frame:
    wanted = HistoryQuery(fields=asked.fields, span=asked.span, limit=max(1, rows), newest_first=True)
    frame = (await telemetry.history(asked.key, wanted)).cut(slice(None, None, -1))
    absent = np.full(len(frame), np.nan)
    return Frame(timestamps=frame.timestamps, numbers={name: frame.numbers.get(name, absent) for name in asked.fields})


def _is_known(frame: Frame, first: int, plan: ExtractionPlan) -> bool:
    """Whether the rows hold what missing values from row `first` on are filled from: a reading of it or before."""
    if plan.missing not in _BESIDE:
        return True
    numbers = frame.first(first + 1).numbers
    treated = plan.fitted.outlier_filter.apply(numbers) if plan.fitted else numbers
    return not any(np.isnan(values).all() for values in treated.values())


async def _whole(telemetry: TelemetryStore, asked: NewestWindows) -> FeatureTable:
    if asked.rows * len(asked.fields) > MOST_VALUES_AT_ONCE:
        stream = FeatureStream(telemetry, asked.key, asked.span, asked.plan)
        return await stream.fill(MemoryMatrix(), asked.fields, asked.rows)
    frame = await telemetry.read(asked.key, asked.fields, asked.span)
    return await run_abandonable(partial(extract_features, frame, asked.plan))


def _cut(table: FeatureTable, windows: int) -> FeatureTable:
    """Return the last windows alone."""
    return replace(table, matrix=table.matrix[-windows:], starts=table.starts[-windows:])
