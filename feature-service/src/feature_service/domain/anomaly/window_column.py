"""Windows as what the methods compare: the mean and the spread of each field, in units of the baseline's rows.

For a field with baseline median L and standard deviation s, a window has the columns ``(mean - L) / s`` and
``ln sqrt((std / s)² + 0.03²)``: a resting field has a finite spread. A field that does not vary in the baseline has
``s = 1e-6 |L|`` (1e-6 at 0), so that leaving its value is far out, and rounding is not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from feature_service.domain.feature.kernel import window_features
from feature_service.domain.feature.time_window import TimeWindowPlan
from feature_service.domain.feature.uneven_windows import uneven_features
from feature_service.domain.feature.window_rows import Windowing, WindowRows
from feature_service.domain.model.array import BoolArray, FloatArray, TimeArray
from feature_service.domain.model.frame import Frame

PER_FIELD: Final = 2
_LEAST_SPREAD: Final = 0.03
_CONSTANT: Final = 1e-9
_TOLERANCE: Final = 1e-6
_LARGEST: Final = 1e9
# A field of which more than this share of a window's rows is missing says nothing of the window.
_MOST_MISSING: Final = 0.5
_FEATURES: Final = ("mean", "std", "missing_ratio")
_EXTREMES: Final = ("min", "max")
LOOKED_AT: Final = len(_FEATURES) + len(_EXTREMES)
"""How often each reading of a window is looked at to score it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowScale:
    """The level and the unit of each field, and which fields do not vary, in the rows of a baseline.

    A field without a value in the baseline has the level NaN. `lowest` and `highest` are the ends of its range there.
    """

    levels: FloatArray
    units: FloatArray
    constant: BoolArray
    lowest: FloatArray
    highest: FloatArray


def fit_row_scale(frame: Frame, fields: Sequence[str]) -> RowScale:
    """Return the scale of the rows of a baseline."""
    fitted = [_level_and_unit(frame.numbers[name]) for name in fields]
    return RowScale(
        levels=np.array([level for level, _, _ in fitted]),
        units=np.array([unit for _, unit, _ in fitted]),
        constant=np.array([constant for _, _, constant in fitted], dtype=np.bool_),
        lowest=np.array([_end(frame.numbers[name], np.min) for name in fields]),
        highest=np.array([_end(frame.numbers[name], np.max) for name in fields]),
    )


def _end(values: FloatArray, end: Callable[[FloatArray], float]) -> float:
    present = values[np.isfinite(values)]
    return float(end(present)) if len(present) else float("nan")


def _level_and_unit(values: FloatArray) -> tuple[float, float, bool]:
    present = values[np.isfinite(values)]
    if len(present) == 0:
        return float("nan"), 1.0, True
    level, spread = float(np.median(present)), float(present.std())
    if spread > _CONSTANT * float(np.abs(present).max()):
        return level, spread, False
    return level, _TOLERANCE * abs(level) or _TOLERANCE, True


def window_columns(
    frame: Frame, fields: Sequence[str], scale: RowScale, window: Windowing, windows: WindowRows
) -> FloatArray:
    """Return the columns of the windows of these rows, (windows, fields x PER_FIELD).

    They are NaN where a field has too few values.
    """
    columns = np.empty((len(windows), len(fields) * PER_FIELD))
    for index, name in enumerate(fields):
        values = (frame.numbers[name] - scale.levels[index]) / scale.units[index]
        values = np.clip(np.where(np.isfinite(values), values, np.nan), -_LARGEST, _LARGEST)
        mean, std, missing = _features(values, _FEATURES, window, windows, frame.timestamps).T
        silent = missing > _MOST_MISSING
        columns[:, PER_FIELD * index] = np.where(silent, np.nan, mean)
        columns[:, PER_FIELD * index + 1] = np.where(silent, np.nan, np.log(np.hypot(std, _LEAST_SPREAD)))
    return columns


def window_excess(
    frame: Frame, fields: Sequence[str], scale: RowScale, window: Windowing, windows: WindowRows
) -> FloatArray:
    """Return how far each window's farthest reading lies outside the baseline's range, in widths of that range.

    The shape is (windows, fields). 0 inside the range, and for a field that the baseline or the window has no value of.
    """
    excess = np.zeros((len(windows), len(fields)))
    for index, name in enumerate(fields):
        values = frame.numbers[name]
        values = np.where(np.isfinite(values), values, np.nan)
        low, high = scale.lowest[index], scale.highest[index]
        least, most = _features(values, _EXTREMES, window, windows, frame.timestamps).T
        beyond = np.maximum(most - high, low - least) / max(high - low, scale.units[index])
        excess[:, index] = np.clip(np.nan_to_num(beyond, nan=0.0), 0.0, _LARGEST)
    return excess


def _features(
    values: FloatArray, names: Sequence[str], window: Windowing, windows: WindowRows, times: TimeArray
) -> FloatArray:
    if isinstance(window, TimeWindowPlan):
        return uneven_features(values, windows, names, np.isnan(values), times)
    return window_features(values, window, names, starts=None if window.max_gap is None else windows.first)
