"""Order statistics of windows that share most of their rows, by the functions of window_sums.c.

The rows of some windows are put in order once. Each window then holds some of the ranks, and few others than the one
before it.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from feature_service.domain.feature.native_library import NativeLibrary
from feature_service.domain.model.array import FloatArray, IndexArray

_WINDOWS_LONG: Final = 4
"""A run of rows that is put in order at once, in windows (measured: longer ones take longer to sort, a row of shorter
ones is sorted in more of them)."""
_GROUP: Final = 8 * 64
"""Ranks that the library skips at once."""


def running_neighbours(
    library: NativeLibrary, values: FloatArray, step: int, size: int, places: Sequence[int]
) -> FloatArray:
    """Return, of each window of `size` values that begins `step` behind the one before, the value at each of `places`
    (ascending) in ascending order, and the one behind it or the last, shaped (places, 2, windows).

    Raises ValueError when there is no window, or no such place.
    """
    if not (values.dtype == np.float64 and values.ndim == 1 and values.flags.c_contiguous and values.flags.aligned):
        raise ValueError(f"a contiguous array of float64 is needed, not {values.dtype} {values.shape}")
    if not (0 < step <= size <= len(values)):
        raise ValueError(f"no windows of {size} values, one every {step}, are in {len(values)}")
    if not (list(places) == sorted(places) and all(0 <= place < size for place in places)):
        raise ValueError(f"windows of {size} values have no places {places}")
    windows = (len(values) - size) // step + 1
    each = min(windows, (_WINDOWS_LONG - 1) * size // step + 1)
    rows = (each - 1) * step + size
    starts = np.minimum(np.arange(0, windows, each), windows - each)  # the last run may have some windows once more
    firsts: IndexArray = starts * step
    orders = _orders(library, values, firsts, rows)
    asked = np.array(places, dtype=np.int64)
    groups = -(-rows // _GROUP)
    ranks, held = np.empty(rows, dtype=np.uint64), np.empty(8 * groups, dtype=np.uint64)
    inside = np.empty(groups, dtype=np.int64)
    out = np.empty((len(places), 2, windows))
    scratch = (ranks.ctypes.data, held.ctypes.data, inside.ctypes.data)
    of_runs = (values.ctypes.data, firsts.ctypes.data, len(firsts), orders.ctypes.data, rows, size, step)
    library.running(*of_runs, asked.ctypes.data, len(places), *scratch, out.ctypes.data, windows)
    return out


def _orders(library: NativeLibrary, values: FloatArray, firsts: IndexArray, rows: int) -> IndexArray:
    """Return the places of the values of each run of `rows` in ascending order, a row each.

    Sorting numbers is twice as quick as sorting places by them, so the numbers are made to tell their place.
    """
    tagged = np.empty((len(firsts), rows))
    known = np.empty(len(firsts), dtype=np.int64)
    places = (1 << max(0, rows - 1).bit_length()) - 1
    of_runs = (values.ctypes.data, firsts.ctypes.data, len(firsts), rows, places, tagged.ctypes.data, known.ctypes.data)
    library.tagged(*of_runs)
    tagged.sort(axis=1)
    library.untagged(*of_runs)
    orders = tagged.view(np.int64)
    for run in np.flatnonzero(known == 0):
        orders[run] = np.argsort(values[firsts[run] : firsts[run] + rows])
    return orders
