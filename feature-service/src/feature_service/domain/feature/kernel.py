"""Every feature over every window of one field, in blocks of windows.

The windows are strided views; a block of them, see :mod:`feature_service.domain.feature.block_series`, is looked at by
one feature after the other. Definitions: :mod:`feature_service.domain.feature.catalog`.

NaN: a feature is that of the window's present values, in their order (slope keeps their row numbers);
it is NaN when none is present. missing_ratio alone counts the absent ones.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from feature_service.domain.feature.block_series import BlockSeries, NativeSeries, NumpySeries
from feature_service.domain.feature.catalog import MISSING_RATIO, SLOPE_PER_SECOND, registered_features
from feature_service.domain.feature.native_library import native_library
from feature_service.domain.feature.registration import FeatureFunction
from feature_service.domain.feature.shared_rows import shares_rows
from feature_service.domain.feature.time_slope import slopes_per_second
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.feature.window_block import WindowBlock
from feature_service.domain.model.array import BoolArray, FloatArray, IndexArray, TimeArray

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
        library = native_library()
        if library is not None:
            # What windows share costs less to look at again than to fold.
            small = any(registered_features()[features[column]].transforms for column, _ in computed)
            _fill(NativeSeries(values, plan, starts, library, small=small), result, computed)
        else:
            settled = _fill_shared(values, plan, features, result) if starts is None else frozenset[int]()
            _fill(NumpySeries(values, plan, starts), result, computed, settled=settled)
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
    series: BlockSeries, result: FloatArray, computed: Sequence[_Computed], *, settled: frozenset[int] = frozenset()
) -> None:
    """Fill `result` block by block.

    The `settled` columns are filled already for windows without a missing value.
    """
    open_columns = [each for each in computed if each[0] not in settled]
    for start in range(0, len(result), series.height):
        target = result[start : start + series.height]
        part = slice(start, start + len(target))
        block = series.block(part)
        holed = np.isnan(block.sums)
        if not holed.any():
            _fill_block(block, target, open_columns)
            continue
        if not holed.all():
            _fill_rows(series.some(part, ~holed), target, ~holed, open_columns)
        for row in np.flatnonzero(holed):
            _fill_present(block.values[row], target[row], computed)


def _fill_block(block: WindowBlock, target: FloatArray, computed: Sequence[_Computed]) -> None:
    for column, function in computed:
        target[:, column] = function(block)


def _fill_rows(block: WindowBlock, target: FloatArray, rows: BoolArray, computed: Sequence[_Computed]) -> None:
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
