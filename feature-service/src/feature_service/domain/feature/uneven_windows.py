"""Every feature over windows that differ in how many rows they have, such as those by time."""

from collections.abc import Sequence

import numpy as np

from feature_service.domain.feature.catalog import MISSING_RATIO
from feature_service.domain.feature.kernel import absent_share, window_features
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.feature.window_rows import WindowRows
from feature_service.domain.model.array import BoolArray, FloatArray, IndexArray, TimeArray


def uneven_features(
    values: FloatArray, windows: WindowRows, features: Sequence[str], absent: BoolArray, times: TimeArray
) -> FloatArray:
    """Return the features of one field's windows, shaped (windows, features); see :func:`window_features`.

    Windows of as many rows are computed together. Each is what it is alone, to the bit.
    """
    result = np.empty((len(windows), len(features)))
    columns = [column for column, name in enumerate(features) if name != MISSING_RATIO]
    if len(columns) < len(features):
        result[:, list(features).index(MISSING_RATIO)] = absent_share(absent, windows.first, windows.stop)
    names = [features[column] for column in columns]
    for size, group in _by_length(windows):
        plan = WindowPlan(size=size, overlap=0.0)
        result[np.ix_(group, np.array(columns, dtype=np.int64))] = window_features(
            values, plan, names, None, windows.first[group], times=times
        )
    return result


def _by_length(windows: WindowRows) -> list[tuple[int, IndexArray]]:
    """The windows of each number of rows."""
    if len(windows) == 0:
        return []
    lengths = windows.stop - windows.first
    order = np.argsort(lengths, kind="stable")
    edges = np.flatnonzero(np.diff(lengths[order])) + 1
    return [(int(lengths[group[0]]), group) for group in np.split(order, edges)]
