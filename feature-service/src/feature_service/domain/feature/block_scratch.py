"""Memory that one block of windows after the other is computed in.

What a block needs would else be given back to the system and cleared anew for every block, which takes as long as
computing does, and longer where several threads do so.
"""

from functools import cached_property

import numpy as np

from feature_service.domain.model.array import BoolArray, FloatArray


class BlockScratch:
    """Arrays for blocks of at most `height` windows of `size` rows, made when they are first asked for.

    Each may be in use by one block at a time.
    """

    def __init__(self, height: int, size: int) -> None:
        self.height = height
        self.size = size

    @cached_property
    def values(self) -> FloatArray:
        """For the values of the windows."""
        return np.empty((self.height, self.size))

    @cached_property
    def centred(self) -> FloatArray:
        """For the values less their mean."""
        return np.empty((self.height, self.size))

    @cached_property
    def squares(self) -> FloatArray:
        """For squares."""
        return np.empty((self.height, self.size))

    @cached_property
    def products(self) -> FloatArray:
        """For products that are summed at once."""
        return np.empty((self.height, self.size))

    @cached_property
    def ordered(self) -> FloatArray:
        """For the values in another order."""
        return np.empty((self.height, self.size))

    @cached_property
    def halves(self) -> FloatArray:
        """For the rows of windows that share half of theirs, each once."""
        return np.empty((self.height + 1, self.size // 2))

    @cached_property
    def spectrum(self) -> FloatArray:
        """For real and imaginary parts of a spectrum in turn."""
        return np.empty((self.height, 2 * (self.size // 2 + 1)))

    @cached_property
    def power(self) -> FloatArray:
        """For a spectrum without DC."""
        return np.empty((self.height, self.size // 2))

    @cached_property
    def shares(self) -> FloatArray:
        """For what is made of a spectrum without DC."""
        return np.empty((self.height, self.size // 2))

    @cached_property
    def logarithms(self) -> FloatArray:
        """For the logarithms of that."""
        return np.empty((self.height, self.size // 2))

    @cached_property
    def sides(self) -> BoolArray:
        """For a truth about each value."""
        return np.empty((self.height, self.size), dtype=np.bool_)

    @cached_property
    def changes(self) -> BoolArray:
        """For a truth about each pair of neighbours; false behind them, up to a multiple of eight."""
        return np.zeros((self.height, -(-(self.size - 1) // 8) * 8), dtype=np.bool_)
