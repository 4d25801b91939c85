"""Features made of moments."""

import numpy as np

from feature_service.domain.feature.registration import feature
from feature_service.domain.feature.window_block import WindowBlock
from feature_service.domain.model.array import FloatArray


@feature("arithmetic mean")
def mean(block: WindowBlock) -> FloatArray:
    """Return the arithmetic mean."""
    return block.mean


@feature("population standard deviation (divisor n)")
def std(block: WindowBlock) -> FloatArray:
    """Return the population standard deviation."""
    return np.sqrt(block.variation / block.size)


@feature("Fisher-Pearson coefficient m3 / m2^1.5 of central moments with divisor n; 0 for a constant window")
def skew(block: WindowBlock) -> FloatArray:
    """Return the biased Fisher-Pearson coefficient of skewness."""
    variance = block.variation / block.size
    return block.unless_constant(block.third / block.size, variance * np.sqrt(variance))


@feature("excess kurtosis m4 / m2^2 - 3 with divisor n; 0 for a constant window")
def kurtosis(block: WindowBlock) -> FloatArray:
    """Return the biased excess kurtosis."""
    variance = block.variation / block.size
    excess = block.unless_constant(block.fourth / block.size, np.square(variance)) - 3.0
    excess[block.constant] = 0.0
    return excess


@feature("sum of the squares")
def energy(block: WindowBlock) -> FloatArray:
    """Return the sum of the squares."""
    return block.energy


@feature("square root of the mean of the squares")
def rms(block: WindowBlock) -> FloatArray:
    """Return the root of the mean square."""
    return np.sqrt(block.energy / block.size)
