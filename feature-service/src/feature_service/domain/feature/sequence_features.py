"""Features of how the values go along the window."""

import numpy as np

from feature_service.domain.feature.registration import feature
from feature_service.domain.feature.shared_rows import sign_changes
from feature_service.domain.feature.window_block import WindowBlock
from feature_service.domain.model.array import FloatArray


@feature("least-squares slope against the row number: units of the field per row; 0 for a single row")
def slope(block: WindowBlock) -> FloatArray:
    """Return the least-squares slope per row."""
    spread = float(np.square(block.positions).sum())
    if spread == 0.0:
        return np.zeros(len(block.values))
    return block.rise / spread


@feature("first value")
def first(block: WindowBlock) -> FloatArray:
    """Return the first value."""
    return block.values[:, 0]


@feature("last value")
def last(block: WindowBlock) -> FloatArray:
    """Return the last value."""
    return block.values[:, -1]


@feature("how often consecutive values lie on different sides of the mean (above, or not above)")
def mean_crossings(block: WindowBlock) -> FloatArray:
    """Return how often the values cross their mean."""
    return block.mean_crossings


@feature("how often consecutive values lie on different sides of zero (above, or not above)", shared=sign_changes)
def zero_crossings(block: WindowBlock) -> FloatArray:
    """Return how often the values cross zero."""
    return block.zero_crossings


@feature("sum of d[i]*d[i+1] over sum of d[i]^2, d = value - mean; 0 for a constant window")
def autocorrelation_lag1(block: WindowBlock) -> FloatArray:
    """Return the biased autocorrelation at a lag of one row (-1 to 1)."""
    return block.unless_constant(block.lagged, block.variation)
