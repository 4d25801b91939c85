"""Features made of the order of the values."""

from math import floor

from feature_service.domain.feature.registration import feature
from feature_service.domain.feature.shared_rows import highest, lowest
from feature_service.domain.feature.window_block import WindowBlock
from feature_service.domain.model.array import FloatArray


def quantile(block: WindowBlock, fraction: float) -> FloatArray:
    """Return the quantile by linear interpolation between order statistics (type 7, NumPy's default)."""
    place = fraction * (block.size - 1)
    below = floor(place)
    low, high = block.neighbours(below)
    return low + (high - low) * (place - below)


@feature("smallest value", name="min", shared=lowest)
def minimum(block: WindowBlock) -> FloatArray:
    """Return the smallest value."""
    return block.lowest


@feature("largest value", name="max", shared=highest)
def maximum(block: WindowBlock) -> FloatArray:
    """Return the largest value."""
    return block.highest


@feature("middle value; the mean of the two middle ones for an even count", orders=True)
def median(block: WindowBlock) -> FloatArray:
    """Return the middle value."""
    return quantile(block, 0.5)


@feature("first quartile, linear interpolation between order statistics (Hyndman-Fan type 7)", orders=True)
def q25(block: WindowBlock) -> FloatArray:
    """Return the first quartile."""
    return quantile(block, 0.25)


@feature("third quartile, interpolated as q25", orders=True)
def q75(block: WindowBlock) -> FloatArray:
    """Return the third quartile."""
    return quantile(block, 0.75)


@feature("max - min", name="range", shared=lambda values, plan: highest(values, plan) - lowest(values, plan))
def spread(block: WindowBlock) -> FloatArray:
    """Return the largest less the smallest value."""
    return block.highest - block.lowest
