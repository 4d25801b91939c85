"""A block of windows of one field and what several features need of it, each computed at most once."""

from functools import cached_property
from typing import Final

import numpy as np

from feature_service.domain.model.array import BoolArray, FloatArray

_RESOLUTION: Final = float(np.finfo(np.float64).resolution)


class WindowBlock:
    """`values` is (windows, size), contiguous and free of NaN; `positions` the row number of each column.

    The block is meant to fit the processor's cache: every property is one pass over it.
    """

    def __init__(self, values: FloatArray, positions: FloatArray) -> None:
        self.values = values
        self.size = values.shape[1]
        self.positions = positions - positions.mean()

    @cached_property
    def mean(self) -> FloatArray:
        """The mean of each window."""
        return self.values.mean(axis=1)

    @cached_property
    def centred(self) -> FloatArray:
        """The values less their window's mean."""
        return self.values - self.mean[:, np.newaxis]

    @cached_property
    def squares(self) -> FloatArray:
        """The squares of the centred values."""
        return np.square(self.centred)

    @cached_property
    def variation(self) -> FloatArray:
        """The sum of the squared deviations of each window (two passes: no cancellation at a large mean)."""
        return self.squares.sum(axis=1)

    @cached_property
    def constant(self) -> BoolArray:
        """Which windows vary by no more than the rounding of their mean (the criterion of scipy.stats.skew)."""
        return self.variation / self.size <= np.square(_RESOLUTION * self.mean)

    @cached_property
    def energy(self) -> FloatArray:
        """The sum of the squared values of each window."""
        return np.vecdot(self.values, self.values)

    @cached_property
    def lowest(self) -> FloatArray:
        """The smallest value of each window."""
        return self.values.min(axis=1)

    @cached_property
    def highest(self) -> FloatArray:
        """The largest value of each window."""
        return self.values.max(axis=1)

    @cached_property
    def ordered(self) -> FloatArray:
        """The values of each window in ascending order."""
        return np.sort(self.values, axis=1)

    @cached_property
    def power(self) -> FloatArray:
        """The one-sided periodogram without DC, (windows, size // 2), of arbitrary scale; 0 where constant."""
        spectrum = np.fft.rfft(self.centred, axis=1)[:, 1:]
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        interior = (self.size - 1) // 2
        power[:, :interior] *= 2.0
        power[self.constant] = 0.0
        return power

    @cached_property
    def total_power(self) -> FloatArray:
        """The sum of the periodogram of each window."""
        return self.power.sum(axis=1)

    @cached_property
    def frequencies(self) -> FloatArray:
        """The frequency of each periodogram bin in cycles per row."""
        return np.arange(1, self.size // 2 + 1, dtype=np.float64) / self.size

    def unless_constant(self, numerator: FloatArray, denominator: FloatArray) -> FloatArray:
        """Return numerator / denominator, and 0 for the constant windows."""
        return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=~self.constant)
