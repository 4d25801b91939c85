"""Sums, extremes, crossings and ranks of windows by the functions of window_sums.c, which look at no length."""

from typing import Final

import numpy as np

from feature_service.domain.feature.native_library import NativeLibrary
from feature_service.domain.model.array import FloatArray, IndexArray

LEVEL: Final = 5
"""Numbers of a window that `level` finds."""
SHAPE: Final = 6
"""Numbers of a window that `shape` finds."""


def level(library: NativeLibrary, values: FloatArray, starts: IndexArray, size: int) -> FloatArray:
    """Return sum, sum of squares, lowest, highest and crossings of zero of each window, shaped (5, windows).

    Raises ValueError when a window does not lie within the values.
    """
    _require_within(values, starts, size)
    out = np.empty((LEVEL, len(starts)))
    library.level(_at(values), _at(starts), len(starts), size, _at(out), len(starts))
    return out


def shape(
    library: NativeLibrary, values: FloatArray, starts: IndexArray, positions: FloatArray, means: FloatArray
) -> FloatArray:
    """Return of each window's values less its mean: the sums of the second, third and fourth powers, of the products
    with `positions` and of those of neighbours, and the crossings of zero, shaped (6, windows).

    Raises ValueError when a window does not lie within the values, or has no mean.
    """
    size = len(positions)
    _require_within(values, starts, size)
    _require_array(positions, np.float64, size)
    _require_array(means, np.float64, len(starts))
    out = np.empty((SHAPE, len(starts)))
    library.shape(_at(values), _at(starts), len(starts), size, _at(positions), _at(means), _at(out), len(starts))
    return out


def ranks(library: NativeLibrary, runs: FloatArray, place: int) -> FloatArray:
    """Return, of each two consecutive rows of `runs`, each in ascending order, the value at `place` of both together in
    that order, and the one behind it or the last, shaped (2, rows - 1).

    Raises ValueError when there is no such place.
    """
    count, size = runs.shape
    _require_array(runs.reshape(-1), np.float64, count * size)
    if not (runs.flags.c_contiguous and count and 0 <= place < 2 * size):
        raise ValueError(f"two of {count} contiguous runs of {size} values have no place {place}")
    out = np.empty((2, count - 1))
    library.ranks(_at(runs), count - 1, size, place, _at(out), count - 1)
    return out


def _require_within(values: FloatArray, starts: IndexArray, size: int) -> None:
    _require_array(values, np.float64, len(values))
    _require_array(starts, np.int64, len(starts))
    if size < 1:
        raise ValueError(f"a window has at least one row, not {size}")
    if len(starts) and not (starts.min() >= 0 and starts.max() <= len(values) - size):
        raise ValueError(
            f"windows of {size} rows from {starts.min()} to {starts.max()} on do not lie in {len(values)} values"
        )


def _require_array(array: "FloatArray | IndexArray", kind: type[np.generic], length: int) -> None:
    if array.dtype != kind or array.shape != (length,) or not (array.flags.c_contiguous and array.flags.aligned):
        raise ValueError(f"a contiguous array of {length} {kind.__name__} is needed, not {array.dtype} {array.shape}")


def _at(array: "FloatArray | IndexArray") -> int:
    return array.ctypes.data
