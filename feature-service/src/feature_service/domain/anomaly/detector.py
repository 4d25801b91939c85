"""A detector of one device: fitted on the rows of a baseline, scores windows of any rows."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from feature_service.domain.anomaly.glitch import without_glitches
from feature_service.domain.anomaly.isolation_forest import fit_isolation_forest
from feature_service.domain.anomaly.method import MIN_BASELINE_WINDOWS, AnomalyMethod
from feature_service.domain.anomaly.pca import fit_pca
from feature_service.domain.anomaly.robust_z import fit_robust_z
from feature_service.domain.anomaly.score import AnomalyModel
from feature_service.domain.anomaly.threshold import choose_threshold
from feature_service.domain.anomaly.window_column import (
    PER_FIELD,
    RowScale,
    fit_row_scale,
    window_columns,
    window_excess,
)
from feature_service.domain.feature.duration_text import duration_text
from feature_service.domain.feature.left_out import NONE_LEFT_OUT, LeftOut, left_out, require_time_windows
from feature_service.domain.feature.time_window import TimeWindowPlan
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.feature.window_layout import require_windows
from feature_service.domain.feature.window_rows import Windowing, WindowRows, extent_of, window_rows
from feature_service.domain.model.array import BoolArray, FloatArray, TimeArray
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.span import Span
from penstock_kit.errors import Unprocessable

_FITS: Final[Mapping[AnomalyMethod, Callable[[FloatArray], AnomalyModel]]] = {
    AnomalyMethod.PCA: fit_pca,
    AnomalyMethod.ISOLATION_FOREST: fit_isolation_forest,
    AnomalyMethod.ROBUST_Z: fit_robust_z,
}
# The windows a model is fitted on begin a tenth of a window apart, further apart in a long baseline.
_FITTED_STEPS: Final = 10
_MOST_FITTED: Final = 5_000
_WINDOWS_AT_ONCE: Final = 4_096
# A reading that lies this many widths of the baseline's range outside it makes its window anomalous by itself.
_EXCESS: Final = 1.0
_OPEN: Final = Span()
# A window by time that has less than this share of the usual rows says nothing.
_LEAST_ROWS: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Detector:
    """What was fitted on a baseline of `rows` rows from `start` to `end` (microseconds, its first and last row).

    `window` is how rows are cut into the windows that it scores; their overlap is chosen for each scoring.
    """

    fields: tuple[str, ...]
    window: Windowing
    threshold: float
    start: int
    end: int
    rows: int
    scale: RowScale
    model: AnomalyModel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoredWindows:
    """Windows in the order of time; a score is NaN without a value.

    `starts` and `ends` are the times of their first and last rows, of windows by time when they begin and end.
    `contributions` is (windows, fields), each row with a sum of 1, of 0 where the score is NaN. `single_readings`
    tells, where asked for, which are anomalous by single readings alone.
    """

    fields: tuple[str, ...]
    starts: TimeArray
    ends: TimeArray
    scores: FloatArray
    anomalous: BoolArray
    contributions: FloatArray
    left_out: LeftOut = NONE_LEFT_OUT
    single_readings: BoolArray | None = None


def fit_detector(
    baseline: Frame,
    fields: Sequence[str],
    method: AnomalyMethod,
    window: Windowing,
    *,
    threshold: float | None = None,
    min_rows: int = 0,
    check: Callable[[], None] = lambda: None,
) -> Detector:
    """Return the detector fitted on the rows of `baseline` and nothing else, their glitches left out.

    Windows by time have at least `min_rows` rows; 0: half of what those of the baseline usually have. `check` is called
    between the steps and may raise. Raises Unprocessable BASELINE_INVALID when there are too few.
    """
    _require_long(baseline, window)
    baseline = without_glitches(baseline, fields, check=check)
    scale = fit_row_scale(baseline, fields)
    window = _with_min_rows(window, baseline, min_rows)
    fitted = _fitted(window, baseline)
    columns = baseline_columns(baseline, fields, scale, fitted)
    if len(columns) < MIN_BASELINE_WINDOWS * 2:
        raise _too_few(
            "has too few rows with a value" if window.max_gap is None else "has too few rows between its gaps", window
        )
    check()
    fit = _FITS[method]
    model = fit(columns)
    if threshold is None:
        purged = max(1, window.size // fitted.step // 2)
        threshold = choose_threshold(fit, model, columns, purged=purged, check=check)
    times = baseline.timestamps.astype("int64")
    return Detector(
        fields=tuple(fields),
        window=window,
        threshold=threshold,
        start=int(times[0]),
        end=int(times[-1]),
        rows=len(baseline),
        scale=scale,
        model=model,
    )


def baseline_columns(baseline: Frame, fields: Sequence[str], scale: RowScale, window: Windowing) -> FloatArray:
    """Return the columns of the windows with a value that a model is fitted on: in a long baseline, each so many one.

    Windows shorter than the distance of 5,000 in the baseline follow each other without one.
    """
    columns = window_columns(baseline, fields, scale, window, window_rows(baseline.timestamps, window))
    columns = columns[np.isfinite(columns).any(axis=1)]
    return columns[:: max(1, -(-len(columns) // _MOST_FITTED))]


def score_windows(
    detector: Detector,
    frame: Frame,
    overlap: float,
    *,
    threshold: float,
    span: Span = _OPEN,
    check: Callable[[], None] = lambda: None,
    require: Callable[[int], None] = lambda windows: None,
) -> ScoredWindows:
    """Return the scores of the windows of `frame`, the rows of `span`; a window has the same in whatever company.

    `require` is called with their number before they are scored and may raise.
    """
    window = detector.window.overlapping(overlap).within(span, extent_of(frame.timestamps))
    windows = _required_windows(frame, window)
    require(len(windows))
    scores = np.empty(len(windows))
    contributions = np.empty((len(windows), len(detector.fields)))
    for start in range(0, len(windows), _WINDOWS_AT_ONCE):
        check()
        part = slice(start, min(start + _WINDOWS_AT_ONCE, len(windows)))
        rows = frame.cut(slice(windows.first[part.start], windows.stop[part.stop - 1]))
        some = windows.cut(part)
        columns = window_columns(rows, detector.fields, detector.scale, window, some)
        excess = window_excess(rows, detector.fields, detector.scale, window, some) / _EXCESS
        scores[part], contributions[part] = _with_excess(*_scored(detector.model, columns), excess, detector.threshold)
    return ScoredWindows(
        fields=detector.fields,
        starts=windows.times,
        ends=_ends(frame, window, windows),
        scores=scores,
        anomalous=scores > threshold,
        contributions=contributions,
        left_out=left_out(window, len(windows), windows.over_gap),
    )


def _required_windows(frame: Frame, window: Windowing) -> WindowRows:
    window.require(len(frame))
    windows = window_rows(frame.timestamps, window)
    if isinstance(window, TimeWindowPlan):
        require_time_windows(window, len(windows), windows.over_gap)
    else:
        require_windows(windows.first, frame.timestamps, window)
    return windows


def _ends(frame: Frame, window: Windowing, windows: WindowRows) -> TimeArray:
    if isinstance(window, TimeWindowPlan):
        return windows.times + np.timedelta64(window.size, "us")
    return frame.timestamps[windows.stop - 1]


def _scored(model: AnomalyModel, columns: FloatArray) -> tuple[FloatArray, FloatArray]:
    found = model.score(columns)
    known = np.isfinite(columns)
    parts = np.where(known, found.contributions, 0.0)
    # Where nothing stands out every field that is there has the same share.
    parts = np.where(parts.sum(axis=1, keepdims=True) > 0, parts, known)
    fields = parts.reshape(len(columns), -1, PER_FIELD).sum(axis=2)
    totals = fields.sum(axis=1, keepdims=True)
    shares = np.divide(fields, totals, out=np.zeros_like(fields), where=totals > 0)
    return np.where(known.any(axis=1), found.values, np.nan), shares


def _with_excess(
    scores: FloatArray, contributions: FloatArray, excess: FloatArray, threshold: float
) -> tuple[FloatArray, FloatArray]:
    """Let a reading far outside the baseline's range count where it counts more than the window as a whole."""
    reached = threshold * excess.max(axis=1, initial=0.0)
    larger = reached > np.nan_to_num(scores, nan=-np.inf)
    larger &= reached > 0
    shares = np.divide(excess, excess.sum(axis=1, keepdims=True), out=np.zeros_like(excess), where=excess > 0)
    return np.where(larger, reached, scores), np.where(larger[:, np.newaxis], shares, contributions)


def _fitted(window: Windowing, baseline: Frame) -> Windowing:
    """The windows that a model is fitted on."""
    length = len(baseline) if isinstance(window, WindowPlan) else _length(baseline)
    step = max(1, window.size // _FITTED_STEPS, -(-length // _MOST_FITTED))
    return window.overlapping(max(0.0, 1.0 - step / window.size))


def _with_min_rows(window: Windowing, baseline: Frame, min_rows: int) -> Windowing:
    """A mean of few rows differs more from the usual one than that of many, and is not called strange for it."""
    if isinstance(window, WindowPlan):
        return window
    if min_rows:
        return replace(window, min_rows=min_rows)
    windows = window_rows(baseline.timestamps, replace(window, min_rows=1))
    usual = float(np.median(windows.stop - windows.first)) if len(windows) else 1.0
    return replace(window, min_rows=max(1, math.ceil(usual * _LEAST_ROWS)))


def _length(baseline: Frame) -> int:
    extent = extent_of(baseline.timestamps)
    return extent.last - extent.first


def _require_long(baseline: Frame, window: Windowing) -> None:
    if isinstance(window, WindowPlan):
        if len(baseline) < MIN_BASELINE_WINDOWS * window.size:
            raise _too_few(f"has {len(baseline)} rows", window)
    elif len(baseline) == 0 or _length(baseline) < MIN_BASELINE_WINDOWS * window.size:
        raise _too_few(f"lasts {duration_text(_length(baseline)) if len(baseline) else '0s'}", window)


def _too_few(what: str, window: Windowing) -> Unprocessable:
    needed = MIN_BASELINE_WINDOWS * window.size
    told = str(needed) if isinstance(window, WindowPlan) else duration_text(needed)
    size = str(window.size) if isinstance(window, WindowPlan) else str(window)
    return Unprocessable(
        f"the baseline {what}, at least {told} are needed "
        f"({MIN_BASELINE_WINDOWS} windows of {size}); take a longer baseline or a smaller window_size",
        reason="BASELINE_INVALID",
    )
