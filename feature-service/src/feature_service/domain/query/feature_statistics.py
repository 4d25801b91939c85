"""Statistics of window features over the devices of a model, and how the features go together."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from feature_service.domain.extraction.cancellation import run_abandonable
from feature_service.domain.extraction.plan import MOST_VALUES_AT_ONCE, ExtractionPlan, within
from feature_service.domain.extraction.work_limit import require_workable
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.series import SeriesKey
from feature_service.domain.model.span import Span
from feature_service.domain.model.statistic import FieldStatistic
from feature_service.domain.preprocessing.method import MissingMethod, NormalizeMethod
from feature_service.domain.telemetry.store import TelemetryStore
from penstock_kit.errors import InvalidArgument, Unprocessable

if TYPE_CHECKING:
    from feature_service.domain.model.array import FloatArray

MAX_VALUES: Final = 25_000_000
"""Windows times features that statistics are computed of: they are in memory for that (200 MB)."""
MAX_CORRELATED: Final = 1_500
"""Features whose correlations are computed: an answer of more would not fit into a message."""
MAX_PRODUCTS: Final = 4_000_000_000
"""Products of two values that correlations may take: seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureStatisticsQuery:
    """Which features of which rows; values are those before scaling. A `window_is_default` shrinks to fewer rows."""

    fields: Sequence[str]
    span: Span
    plan: ExtractionPlan
    window_is_default: bool = False
    correlate: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureStatistics:
    """Statistics of each feature, named as extraction names it, over all windows; the plan as applied.

    `correlations` is the Pearson matrix row by row, over the windows that have both of two features; NaN where fewer
    than two such windows exist or a feature does not vary. Empty when not asked for.
    """

    windows: int
    rows: int
    features: Sequence[FieldStatistic]
    correlations: Sequence[float]
    plan: ExtractionPlan


class FeatureStatisticsReader:
    """Computes statistics of features, device by device and few fields at a time."""

    def __init__(self, telemetry: TelemetryStore) -> None:
        self._telemetry = telemetry

    async def read(self, rows: Mapping[SeriesKey, int], query: FeatureStatisticsQuery) -> FeatureStatistics:
        """Return the statistics over the windows of the series, whose numbers of rows are `rows`.

        Raises Unprocessable WINDOW_LIMIT_EXCEEDED when no series has a window, FEATURES_LIMIT_EXCEEDED or
        CORRELATIONS_LIMIT_EXCEEDED when it would take too much.
        """
        from feature_service.domain.feature.catalog import resolve_features
        from feature_service.domain.query.column_statistics import column_statistics, correlation_matrix

        query = _with_window(query, max(rows.values()))
        plans = {key: await self._plan(key, query) for key in rows}
        longest = max(rows, key=lambda key: rows[key])
        if not any(plans[key].window.count(count) for key, count in rows.items()):
            plans[longest].window.require(rows[longest])
        features = resolve_features(query.plan.features)
        windows = sum(plans[key].window.count(count) for key, count in rows.items())
        names = [f"{field}_{feature}" for field in query.fields for feature in features]
        _require_few(windows, len(names), query)
        for key, count in rows.items():
            window = plans[key].window
            require_workable(window, window.count(count), rows=count, columns=len(names) * len(rows))
        parts = [
            await self._series(key, count, replace(query, plan=plans[key]), features) for key, count in rows.items()
        ]
        matrix = await asyncio.to_thread(_stacked, parts, len(names))
        return FeatureStatistics(
            windows=len(matrix),
            rows=sum(rows.values()),
            features=await asyncio.to_thread(column_statistics, matrix, names),
            correlations=await asyncio.to_thread(correlation_matrix, matrix) if query.correlate else (),
            plan=query.plan,
        )

    async def _plan(self, key: SeriesKey, query: FeatureStatisticsQuery) -> ExtractionPlan:
        """The plan for the range of a series."""
        if isinstance(query.plan.window, WindowPlan) or (extent := await self._telemetry.extent(key)) is None:
            return query.plan
        return within(query.plan, query.span, extent)

    async def _series(
        self, key: SeriesKey, rows: int, query: FeatureStatisticsQuery, features: Sequence[str]
    ) -> "FloatArray":
        if rows * len(query.fields) > MOST_VALUES_AT_ONCE and query.plan.window.count(rows):
            return await self._streamed(key, rows, query, len(features))
        frame = await self._telemetry.read(key, query.fields, query.span)
        return await run_abandonable(partial(_windows_of, frame, query.fields, query.plan, features))

    async def _streamed(self, key: SeriesKey, rows: int, query: FeatureStatisticsQuery, features: int) -> "FloatArray":
        import numpy as np

        from feature_service.domain.query.feature_stream import FeatureStream, MemoryMatrix

        stream = FeatureStream(self._telemetry, key, query.span, query.plan)
        try:
            return (await stream.fill(MemoryMatrix(), query.fields, rows)).matrix
        except Unprocessable:
            if query.plan.missing is MissingMethod.DROP:
                raise
            return np.empty((0, len(query.fields) * features))  # gaps leave no room for a window


def _with_window(query: FeatureStatisticsQuery, rows: int) -> FeatureStatisticsQuery:
    """The query for values before scaling; where nobody named a window, one that the rows fill."""
    plan = replace(query.plan, normalize=NormalizeMethod.NONE)
    window = plan.window
    if query.window_is_default and isinstance(window, WindowPlan) and 0 < rows < window.size:
        plan = replace(plan, window=replace(window, size=rows))
    return replace(query, plan=plan)


def _require_few(windows: int, columns: int, query: FeatureStatisticsQuery) -> None:
    if columns == 0:
        raise InvalidArgument("there is no numeric field to compute features of", reason="NUMERIC_FIELD_REQUIRED")
    if windows * columns > MAX_VALUES:
        raise Unprocessable(
            f"{windows} windows of {columns} features are {windows * columns} values, at most {MAX_VALUES} are "
            "computed; ask for a shorter range, a larger window_size, fewer fields or fewer features",
            reason="FEATURES_LIMIT_EXCEEDED",
        )
    if query.correlate and (columns > MAX_CORRELATED or windows * columns * columns > MAX_PRODUCTS):
        raise Unprocessable(
            f"the correlations of {columns} features over {windows} windows are too many (at most {MAX_CORRELATED} "
            "features); name fields or features, or say correlations=false for the statistics alone",
            reason="CORRELATIONS_LIMIT_EXCEEDED",
        )


def _windows_of(
    frame: "object",
    fields: Sequence[str],
    plan: ExtractionPlan,
    features: Sequence[str],
    check: Callable[[], None],
) -> "FloatArray":
    import numpy as np

    from feature_service.domain.extraction.extract import clean_rows, feature_matrix
    from feature_service.domain.model.frame import Frame
    from feature_service.domain.preprocessing.missing import fit_missing_fill
    from feature_service.domain.preprocessing.outlier import fit_outlier_filter

    assert isinstance(frame, Frame)
    absent = np.full(len(frame), np.nan)
    numbers = {name: frame.numbers.get(name, absent) for name in fields}
    outlier_filter = fit_outlier_filter(numbers, plan.outliers, plan.outlier_threshold)
    missing_fill = fit_missing_fill(outlier_filter.apply(numbers), plan.missing)
    clean = clean_rows(Frame(timestamps=frame.timestamps, numbers=numbers), outlier_filter, missing_fill)
    windows = clean.windows(plan.window)
    if len(windows) == 0:
        return np.empty((0, len(fields) * len(features)))
    return feature_matrix(clean, plan.window, features, windows, lambda _: check())


def _stacked(parts: "Sequence[FloatArray]", columns: int) -> "FloatArray":
    import numpy as np

    return np.vstack([part for part in parts if len(part)] or [np.empty((0, columns))])
