"""Features made of moments."""

import numpy as np

from feature_service.domain.feature.window_block import WindowBlock
from feature_service.domain.model.array import FloatArray


def mean(block: WindowBlock) -> FloatArray:
    """Return the arithmetic mean."""
    return block.mean


def std(block: WindowBlock) -> FloatArray:
    """Return the population standard deviation."""
    return np.sqrt(block.variation / block.size)


def skew(block: WindowBlock) -> FloatArray:
    """Return the biased Fisher-Pearson coefficient of skewness."""
    variance = block.variation / block.size
    third = np.vecdot(block.squares, block.centred) / block.size
    return block.unless_constant(third, variance * np.sqrt(variance))


def kurtosis(block: WindowBlock) -> FloatArray:
    """Return the biased excess kurtosis."""
    variance = block.variation / block.size
    fourth = np.vecdot(block.squares, block.squares) / block.size
    excess = block.unless_constant(fourth, np.square(variance)) - 3.0
    excess[block.constant] = 0.0
    return excess


def energy(block: WindowBlock) -> FloatArray:
    """Return the sum of the squares."""
    return block.energy


def rms(block: WindowBlock) -> FloatArray:
    """Return the root of the mean square."""
    return np.sqrt(block.energy / block.size)
