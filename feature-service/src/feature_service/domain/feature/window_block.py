"""A block of windows of one field and what several features need of it, each computed at most once."""

from functools import cached_property
from typing import Final

import numpy as np

from feature_service.domain.feature.block_scratch import BlockScratch
from feature_service.domain.model.array import BoolArray, FloatArray

_RESOLUTION: Final = float(np.finfo(np.float64).resolution)
_NEXT_TO_NOTHING: Final = 1e-300
"""Is lost in the sum with any share of power that counts, and lets 0 have a logarithm."""
QUARTILES: Final = (0.25, 0.5, 0.75)
"""The shares of values below the quantiles that are features."""


class WindowBlock:
    """`values` is (windows, size), contiguous and free of NaN; `positions` the row number of each column.

    The block is meant to fit the processor's cache: every property is one pass over it. `sums` are those of each
    window's values, where they are known. Arrays as large as the block lie in `scratch`, where there is one: they hold
    until the next block is computed.
    """

    def __init__(
        self,
        values: FloatArray,
        positions: FloatArray,
        *,
        sums: FloatArray | None = None,
        scratch: BlockScratch | None = None,
    ) -> None:
        self.values = values
        self.size = values.shape[1]
        self.positions = positions - positions.mean()
        self.sums = values.sum(axis=1) if sums is None else sums
        self._rows = slice(len(values))
        self._scratch = scratch or BlockScratch(*values.shape)

    @cached_property
    def mean(self) -> FloatArray:
        """The mean of each window."""
        return self.sums / self.size

    @cached_property
    def centred(self) -> FloatArray:
        """The values less their window's mean."""
        return np.subtract(self.values, self.mean[:, np.newaxis], out=self._scratch.centred[self._rows])

    @cached_property
    def squares(self) -> FloatArray:
        """The squares of the centred values."""
        return np.square(self.centred, out=self._scratch.squares[self._rows])

    @cached_property
    def variation(self) -> FloatArray:
        """The sum of the squared deviations of each window (two passes: no cancellation at a large mean)."""
        return self.squares.sum(axis=1)

    @cached_property
    def third(self) -> FloatArray:
        """The sum of the third powers of the deviations of each window."""
        return self._sums_of(self.squares, self.centred)

    @cached_property
    def fourth(self) -> FloatArray:
        """The sum of the fourth powers of the deviations of each window."""
        return np.square(self.squares, out=self._scratch.products[self._rows]).sum(axis=1)

    @cached_property
    def rise(self) -> FloatArray:
        """The sum of the products of deviation and position of each window."""
        return self._sums_of(self.centred, self.positions[np.newaxis, :])

    @cached_property
    def lagged(self) -> FloatArray:
        """The sum of the products of neighbouring deviations of each window."""
        # One product is of the last value of a window and the first of the next, and left out: long rows are quicker.
        products, centred = self._scratch.products[self._rows], self.centred.reshape(-1)
        np.multiply(centred[:-1], centred[1:], out=products.reshape(-1)[:-1])
        return products[:, :-1].sum(axis=1)

    @cached_property
    def constant(self) -> BoolArray:
        """Which windows vary by no more than the rounding of their mean (the criterion of scipy.stats.skew)."""
        return self.variation / self.size <= np.square(_RESOLUTION * self.mean)

    @cached_property
    def energy(self) -> FloatArray:
        """The sum of the squared values of each window."""
        return np.square(self.values, out=self._scratch.products[self._rows]).sum(axis=1)

    @cached_property
    def zero_crossings(self) -> FloatArray:
        """How often consecutive values of each window lie on different sides of zero."""
        return self._crossings(self.values)

    @cached_property
    def mean_crossings(self) -> FloatArray:
        """How often consecutive values of each window lie on different sides of its mean."""
        return self._crossings(self.centred)

    @cached_property
    def lowest(self) -> FloatArray:
        """The smallest value of each window."""
        # Of two zeros the positive one, whichever was met first.
        return (self.ordered[:, 0] if self._is_ordered else self.values.min(axis=1)) + 0.0

    @cached_property
    def highest(self) -> FloatArray:
        """The largest value of each window."""
        return (self.ordered[:, -1] if self._is_ordered else self.values.max(axis=1)) + 0.0

    @property
    def _is_ordered(self) -> bool:
        return "ordered" in self.__dict__

    @cached_property
    def ordered(self) -> FloatArray:
        """The values of each window in ascending order."""
        ordered = self._scratch.ordered[self._rows]
        np.copyto(ordered, self.values)
        ordered.sort(axis=1)
        return ordered

    def neighbours(self, place: int) -> tuple[FloatArray, FloatArray]:
        """Return the value at `place` of each window in ascending order, and the one behind it, or the last."""
        return self.ordered[:, place], self.ordered[:, min(place + 1, self.size - 1)]

    @cached_property
    def power(self) -> FloatArray:
        """The one-sided periodogram without DC, (windows, size // 2), of arbitrary scale; 0 where constant."""
        parts = self._scratch.spectrum[self._rows]
        np.fft.rfft(self.centred, axis=1, out=parts.view(np.complex128))
        np.square(parts, out=parts)
        power = np.add(parts[:, 2::2], parts[:, 3::2], out=self._scratch.power[self._rows])
        power[:, (self.size - 1) // 2 :] *= 0.5  # the last bin of an even size stands for one frequency, not for two
        power[self.constant] = 0.0
        return power

    @cached_property
    def total_power(self) -> FloatArray:
        """The sum of the periodogram of each window."""
        return self.power.sum(axis=1)

    @cached_property
    def power_entropy(self) -> FloatArray:
        """The entropy of the power's distribution over the bins, in nats; 0 without power."""
        total = np.where(self.total_power > 0, self.total_power, 1.0)
        share = np.divide(self.power, total[:, np.newaxis], out=self._scratch.shares[self._rows])
        logarithm = np.add(share, _NEXT_TO_NOTHING, out=self._scratch.logarithms[self._rows])
        np.log(logarithm, out=logarithm)
        return -np.vecdot(share, logarithm)

    @cached_property
    def frequencies(self) -> FloatArray:
        """The frequency of each periodogram bin in cycles per row."""
        return np.arange(1, self.size // 2 + 1, dtype=np.float64) / self.size

    def unless_constant(self, numerator: FloatArray, denominator: FloatArray) -> FloatArray:
        """Return numerator / denominator, and 0 for the constant windows."""
        return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=~self.constant)

    def _crossings(self, values: FloatArray) -> FloatArray:
        """Return how often consecutive of these values, one of each of the block's, lie on different sides of 0."""
        above = np.greater(values, 0.0, out=self._scratch.sides[self._rows])
        changes = self._scratch.changes[self._rows]
        np.not_equal(above[:, 1:], above[:, :-1], out=changes[:, : self.size - 1])
        # Eight truths, of a byte each, are looked at at once.
        return np.bitwise_count(changes.view(np.uint64)).sum(axis=1, dtype=np.float64)

    def _sums_of(self, one: FloatArray, other: FloatArray) -> FloatArray:
        """The sums of products, added in an order that is the same on every processor, which BLAS's is not."""
        return np.multiply(one, other, out=self._scratch.products[self._rows]).sum(axis=1)
