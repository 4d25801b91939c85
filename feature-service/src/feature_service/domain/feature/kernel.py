"""Every feature over every window of one field, in blocks of windows that fit the cache.

The windows are strided views; a block of them is copied once and all features are computed while it is in
cache. Definitions: :mod:`feature_service.domain.feature.catalog`.

NaN: a feature is that of the window's present values, in their order (slope keeps their row numbers);
it is NaN when none is present. missing_ratio alone counts the absent ones.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from feature_service.domain.feature.block_scratch import BlockScratch
from feature_service.domain.feature.catalog import MISSING_RATIO, SLOPE_PER_SECOND, registered_features
from feature_service.domain.feature.registration import FeatureFunction
from feature_service.domain.feature.shared_rows import shares_rows
from feature_service.domain.feature.time_slope import slopes_per_second
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.feature.window_block import WindowBlock
from feature_service.domain.model.array import BoolArray, FloatArray, IndexArray, TimeArray

_BLOCK_BYTES: Final = 768 * 1024
"""Values of a block (measured): calls take longer than what they do in smaller ones, larger ones leave the cache."""

_Computed: TypeAlias = tuple[int, FeatureFunction]


def window_features(
    values: FloatArray,
    plan: WindowPlan,
    features: Sequence[str],
    absent: BoolArray | None = None,
    starts: IndexArray | None = None,
    *,
    times: TimeArray | None = None,
) -> FloatArray:
    """Return the features of one field's windows, shaped (windows, features).

    `starts` are the first rows of the windows, those of rows without gaps when left out; `times` are those of the
    rows, needed for slope_per_second alone.

    `values` is one float64 per row, NaN where missing. `absent` says which rows had no value at first (for
    missing_ratio, when missing values have been filled since); the NaN rows when left out.
    Raises Unprocessable WINDOW_LIMIT_EXCEEDED when there are fewer rows than a window.
    """
    count = plan.require(len(values)) if starts is None else len(starts)
    result = np.empty((count, len(features)))
    if MISSING_RATIO in features:
        first = np.arange(count) * plan.step if starts is None else starts
        result[:, list(features).index(MISSING_RATIO)] = absent_share(
            np.isnan(values) if absent is None else absent, first, first + plan.size
        )
    if SLOPE_PER_SECOND in features:
        if times is None:
            raise ValueError(f"{SLOPE_PER_SECOND} needs the times of the rows")
        first = np.arange(count) * plan.step if starts is None else starts
        result[:, list(features).index(SLOPE_PER_SECOND)] = slopes_per_second(values, times, first, plan.size)
    computed = _in_turn(features)
    if computed and count:
        every = sliding_window_view(values, plan.size)
        if starts is None:
            settled = _fill_shared(values, plan, features, result)
            _fill(every[:: plan.step], result, computed, settled=settled)
        else:
            _fill(every, result, computed, starts)
    return result


def _in_turn(features: Sequence[str]) -> list[_Computed]:
    """The columns that are computed of blocks, in the order in which that is done."""
    functions = registered_features()
    known = [(column, functions[name]) for column, name in enumerate(features) if name in functions]
    known.sort(key=lambda each: not each[1].orders)
    return [(column, each.compute) for column, each in known]


def _fill_shared(values: FloatArray, plan: WindowPlan, features: Sequence[str], result: FloatArray) -> frozenset[int]:
    """Fill the columns that are known from what windows share; return which, none where windows share too little."""
    if not shares_rows(plan):
        return frozenset()
    functions = registered_features()
    found = {
        column: shared
        for column, name in enumerate(features)
        if name in functions and (shared := functions[name].compute_shared) is not None
    }
    for column, shared in found.items():
        result[:, column] = shared(values, plan)
    return frozenset(found)


def _fill(
    windows: FloatArray,
    result: FloatArray,
    computed: Sequence[_Computed],
    starts: IndexArray | None = None,
    *,
    settled: frozenset[int] = frozenset(),
) -> None:
    """Fill `result` block by block from all windows, or from those that begin at `starts`.

    The `settled` columns are filled already for windows without a missing value.
    """
    open_columns = [each for each in computed if each[0] not in settled]
    size = windows.shape[1]
    positions = np.arange(size, dtype=np.float64)
    height = min(len(result), max(1, _BLOCK_BYTES // (8 * size)))
    scratch = BlockScratch(height, size)
    for start in range(0, len(result), height):
        target = result[start : start + height]
        values = scratch.values[: len(target)]
        part = slice(start, start + len(target))
        np.copyto(values, windows[part] if starts is None else windows[starts[part]])
        sums = values.sum(axis=1)
        holed = np.isnan(sums)
        if not holed.any():
            _fill_block(WindowBlock(values, positions, sums=sums, scratch=scratch), target, open_columns)
            continue
        _fill_rows(values, positions, ~holed, target, open_columns)
        for row in np.flatnonzero(holed):
            _fill_present(values[row], target[row], computed)


def _fill_block(block: WindowBlock, target: FloatArray, computed: Sequence[_Computed]) -> None:
    for column, function in computed:
        target[:, column] = function(block)


def _fill_rows(
    values: FloatArray, positions: FloatArray, rows: BoolArray, target: FloatArray, computed: Sequence[_Computed]
) -> None:
    if not rows.any():
        return
    block = WindowBlock(values[rows], positions)
    for column, function in computed:
        target[rows, column] = function(block)


def _fill_present(window: FloatArray, row: FloatArray, computed: Sequence[_Computed]) -> None:
    positions = np.flatnonzero(~np.isnan(window))
    if len(positions) == 0:
        row[[column for column, _ in computed]] = np.nan
        return
    block = WindowBlock(window[positions][np.newaxis, :], positions.astype(np.float64))
    for column, function in computed:
        row[column] = function(block)[0]


def absent_share(absent: BoolArray, first: IndexArray, stop: IndexArray) -> FloatArray:
    """Return the share of absent rows from each row `first` to before each row `stop`."""
    running = np.concatenate(([0], np.cumsum(absent)))
    return (running[stop] - running[first]) / (stop - first)
