"""Features of how the values go along the window."""

import numpy as np

from feature_service.domain.feature.window_block import WindowBlock
from feature_service.domain.model.array import BoolArray, FloatArray


def slope(block: WindowBlock) -> FloatArray:
    """Return the least-squares slope per row."""
    spread = float(block.positions @ block.positions)
    if spread == 0.0:
        return np.zeros(len(block.values))
    return block.centred @ block.positions / spread


def first(block: WindowBlock) -> FloatArray:
    """Return the first value."""
    return block.values[:, 0]


def last(block: WindowBlock) -> FloatArray:
    """Return the last value."""
    return block.values[:, -1]


def mean_crossings(block: WindowBlock) -> FloatArray:
    """Return how often the values cross their mean."""
    return _changes(block.values > block.mean[:, np.newaxis])


def zero_crossings(block: WindowBlock) -> FloatArray:
    """Return how often the values cross zero."""
    return _changes(block.values > 0.0)


def autocorrelation_lag1(block: WindowBlock) -> FloatArray:
    """Return the biased autocorrelation at a lag of one row (-1 to 1)."""
    lagged = np.vecdot(block.centred[:, :-1], block.centred[:, 1:])
    return block.unless_constant(lagged, block.variation)


def _changes(above: BoolArray) -> FloatArray:
    return np.count_nonzero(above[:, 1:] != above[:, :-1], axis=1).astype(np.float64)
