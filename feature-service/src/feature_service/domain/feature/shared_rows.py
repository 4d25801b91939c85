"""Features of windows that share most of their rows, from what blocks of rows have in common.

With an overlap of 0.9 a row is in ten windows. The lowest value of a window is the lowest of its blocks' lowest ones,
each of which is found once. Only what comes out the same to the bit is computed so: extremes and counts. Sums would
not, as the order of adding decides the last digits.
"""

from typing import Final

import numpy as np

from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.array import FloatArray

LEAST_SHARED: Final = 4
"""Windows that a row must be in for this to be faster than looking at each window (measured)."""


def shares_rows(plan: WindowPlan) -> bool:
    """Return whether rows are in enough windows for features by blocks to pay."""
    return plan.size >= LEAST_SHARED * plan.step


def lowest(values: FloatArray, plan: WindowPlan) -> FloatArray:
    """Return the smallest value of each window, NaN where one is missing."""
    return _folded(values, plan.size, plan, np.minimum) + 0.0


def highest(values: FloatArray, plan: WindowPlan) -> FloatArray:
    """Return the largest value of each window, NaN where one is missing."""
    return _folded(values, plan.size, plan, np.maximum) + 0.0


def sign_changes(values: FloatArray, plan: WindowPlan) -> FloatArray:
    """Return how often consecutive values of each window lie on different sides of zero."""
    above = values > 0.0
    if plan.size == 1:
        return np.zeros(plan.count(len(values)))
    return _folded((above[1:] != above[:-1]).astype(np.float64), plan.size - 1, plan, np.add)


def _folded(rows: FloatArray, size: int, plan: WindowPlan, fold: np.ufunc) -> FloatArray:
    """Fold `size` rows from each window's first one on; of counts, which are whole, the order does not matter.

    They are some whole blocks of `step` rows, and the first `rest` rows of the block behind them.
    """
    count, step = plan.count(len(rows) + plan.size - size), plan.step
    whole, rest = divmod(size, step)
    blocks = count - 1 + whole
    # A row of this is the first rows of all blocks, the next one the second ones: folding it takes few long steps.
    columns = np.ascontiguousarray(rows[: blocks * step].reshape(blocks, step).T)
    heads = fold.reduce(columns[:rest], axis=0) if rest else None
    found = fold.reduce(columns[rest:], axis=0)
    found = found if heads is None else fold(heads, found)
    result = found[:count].copy()
    for place in range(1, whole):
        fold(result, found[place : place + count], out=result)
    if heads is not None:
        last = fold.reduce(rows[blocks * step : blocks * step + rest])
        fold(result, np.append(heads[whole:], last), out=result)
    return result
