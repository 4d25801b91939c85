"""Glitches of a baseline: single readings far beyond everything else, which a fit must not take for usual.

A sensor that reads 900 A for one row widens every limit that is fitted on it, and hides the next one. A reading is a
glitch when it is more than 10 deviations from the median of the five around it (Hampel's filter; Pearson,
Neuvonen and Astola, EURASIP Journal on Advances in Signal Processing, 2016) and as far outside the range of all others.
Where more than one reading in a hundred is like that, or the same value comes back, it is a state of the machine.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from feature_service.domain.anomaly.score import MEAN_TO_DEVIATION, MEDIAN_TO_DEVIATION
from feature_service.domain.model.array import BoolArray, FloatArray
from feature_service.domain.model.frame import Frame

_WINDOW: Final = 5
_DEVIATIONS: Final = 10.0
_LARGEST_SHARE: Final = 0.01


def without_glitches(frame: Frame, fields: Sequence[str], *, check: Callable[[], None] = lambda: None) -> Frame:
    """Return `frame` with NaN for the glitches of `fields`; `check` is called between the fields and may raise."""
    cleaned: dict[str, FloatArray] = {}
    for name in fields:
        check()
        values = frame.numbers[name]
        glitches = find_glitches(values)
        cleaned[name] = np.where(glitches, np.nan, values) if glitches.any() else values
    return frame.with_numbers({**frame.numbers, **cleaned})


def find_glitches(values: FloatArray) -> BoolArray:
    """Return which of `values` (rows) are glitches; missing ones are none and no neighbours either."""
    places = np.flatnonzero(np.isfinite(values))
    present = values[places]
    found = np.zeros(len(values), dtype=np.bool_)
    if len(present) < _WINDOW:
        return found
    residuals = np.abs(present - _median_around(present))
    limit = _DEVIATIONS * _deviation(residuals)
    far = residuals > limit
    if not far.any() or far.all():
        return found
    rest = present[~far]
    far &= (present < rest.min() - limit) | (present > rest.max() + limit)
    if _is_rare(present[far], len(present)):
        found[places[far]] = True
    return found


def _is_rare(glitches: FloatArray, rows: int) -> bool:
    return len(glitches) <= _LARGEST_SHARE * rows and 2 * len(np.unique(glitches)) > len(glitches)


def _median_around(values: FloatArray) -> FloatArray:
    half = _WINDOW // 2
    padded = np.pad(values, half, mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, _WINDOW), axis=1)


def _deviation(residuals: FloatArray) -> float:
    """The deviation of the residuals; where more than half of them are 0, by their mean, as in `robust_z`."""
    return MEDIAN_TO_DEVIATION * float(np.median(residuals)) or MEAN_TO_DEVIATION * float(residuals.mean())
