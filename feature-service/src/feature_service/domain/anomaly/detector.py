"""A detector of one device: fitted on the rows of a baseline, scores windows of any rows."""

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
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.feature.window_layout import require_windows, window_starts
from feature_service.domain.model.array import BoolArray, FloatArray, TimeArray
from feature_service.domain.model.frame import Frame
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Detector:
    """What was fitted on a baseline of `rows` rows from `start` to `end` (microseconds, its first and last row).

    No window has neighbouring rows farther apart than `max_gap` microseconds; None: gaps do not matter.
    """

    fields: tuple[str, ...]
    window_size: int
    threshold: float
    start: int
    end: int
    rows: int
    scale: RowScale
    model: AnomalyModel
    max_gap: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoredWindows:
    """Windows in the order of time with the times of their first and last rows; a score is NaN without a value.

    `contributions` is (windows, fields), each row with a sum of 1, of 0 where the score is NaN.
    """

    fields: tuple[str, ...]
    starts: TimeArray
    ends: TimeArray
    scores: FloatArray
    anomalous: BoolArray
    contributions: FloatArray


def fit_detector(
    baseline: Frame,
    fields: Sequence[str],
    method: AnomalyMethod,
    window_size: int,
    *,
    threshold: float | None = None,
    max_gap: int | None = None,
    check: Callable[[], None] = lambda: None,
) -> Detector:
    """Return the detector fitted on the rows of `baseline` and nothing else, their glitches left out.

    `check` is called between the steps and may raise. Raises Unprocessable BASELINE_INVALID when there are too few.
    """
    _require_rows(len(baseline), window_size)
    baseline = without_glitches(baseline, fields, check=check)
    scale = fit_row_scale(baseline, fields)
    step = max(1, window_size // _FITTED_STEPS, -(-len(baseline) // _MOST_FITTED))
    window = replace(_every(step, window_size), max_gap=max_gap)
    columns = window_columns(baseline, fields, scale, window, window_starts(baseline.timestamps, window))
    columns = columns[np.isfinite(columns).any(axis=1)]
    if len(columns) < MIN_BASELINE_WINDOWS * 2:
        raise _too_few(
            "has too few rows with a value" if max_gap is None else "has too few rows between its gaps", window_size
        )
    check()
    fit = _FITS[method]
    model = fit(columns)
    if threshold is None:
        purged = max(1, window_size // step // 2)
        threshold = choose_threshold(fit, model, columns, purged=purged, check=check)
    times = baseline.timestamps.astype("int64")
    return Detector(
        fields=tuple(fields),
        window_size=window_size,
        threshold=threshold,
        start=int(times[0]),
        end=int(times[-1]),
        rows=len(baseline),
        scale=scale,
        model=model,
        max_gap=max_gap,
    )


def score_windows(
    detector: Detector, frame: Frame, overlap: float, *, threshold: float, check: Callable[[], None] = lambda: None
) -> ScoredWindows:
    """Return the scores of the windows of `frame`; a window has the same one in whatever company."""
    window = WindowPlan(size=detector.window_size, overlap=overlap, max_gap=detector.max_gap)
    window.require(len(frame))
    firsts = window_starts(frame.timestamps, window)
    require_windows(firsts, frame.timestamps, window)
    scores = np.empty(len(firsts))
    contributions = np.empty((len(firsts), len(detector.fields)))
    for start in range(0, len(firsts), _WINDOWS_AT_ONCE):
        check()
        part = slice(start, min(start + _WINDOWS_AT_ONCE, len(firsts)))
        rows = frame.cut(slice(firsts[part.start], firsts[part.stop - 1] + window.size))
        starts = firsts[part] - firsts[part.start]
        columns = window_columns(rows, detector.fields, detector.scale, window, starts)
        excess = window_excess(rows, detector.fields, detector.scale, window, starts) / _EXCESS
        scores[part], contributions[part] = _with_excess(*_scored(detector.model, columns), excess, detector.threshold)
    return ScoredWindows(
        fields=detector.fields,
        starts=frame.timestamps[firsts],
        ends=frame.timestamps[firsts + window.size - 1],
        scores=scores,
        anomalous=scores > threshold,
        contributions=contributions,
    )


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


def _every(step: int, size: int) -> WindowPlan:
    return WindowPlan(size=size, overlap=max(0.0, 1.0 - step / size))


def _require_rows(rows: int, window_size: int) -> None:
    if rows < MIN_BASELINE_WINDOWS * window_size:
        raise _too_few(f"has {rows} rows", window_size)


def _too_few(what: str, window_size: int) -> Unprocessable:
    return Unprocessable(
        f"the baseline {what}, at least {MIN_BASELINE_WINDOWS * window_size} are needed "
        f"({MIN_BASELINE_WINDOWS} windows of {window_size}); take a longer baseline or a smaller window_size",
        reason="BASELINE_INVALID",
    )
