"""The slope of windows against the time of their rows, which need not be evenly spaced."""

from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from feature_service.domain.feature.window_rows import micros_of_times
from feature_service.domain.model.array import FloatArray, IndexArray, TimeArray

_BLOCK_VALUES: Final = 32 * 1024


def slopes_per_second(values: FloatArray, times: TimeArray, starts: IndexArray, size: int) -> FloatArray:
    """Return the least-squares slope of each window's present values against seconds; NaN where none is present."""
    result = np.empty(len(starts))
    micros = micros_of_times(times)
    every_value, every_time = sliding_window_view(values, size), sliding_window_view(micros, size)
    height = max(1, _BLOCK_VALUES // size)
    for start in range(0, len(starts), height):
        block = starts[start : start + height]
        # From the window's own start: seconds since 1970 would cost the digits that tell its rows apart.
        seconds = (every_time[block] - every_time[block, :1]) / 1e6
        result[start : start + height] = _slopes(every_value[block], seconds)
    return result


def _slopes(values: FloatArray, seconds: FloatArray) -> FloatArray:
    present = ~np.isnan(values)
    count = present.sum(axis=1)
    known = np.maximum(count, 1)[:, np.newaxis]
    rises = np.where(present, values, 0.0)
    ahead = np.where(present, seconds - np.where(present, seconds, 0.0).sum(axis=1, keepdims=True) / known, 0.0)
    rises = np.where(present, values - rises.sum(axis=1, keepdims=True) / known, 0.0)
    spread = np.vecdot(ahead, ahead)
    slopes = np.divide(np.vecdot(ahead, rises), spread, out=np.zeros(len(values)), where=spread > 0.0)
    slopes[count == 0] = np.nan
    return slopes
