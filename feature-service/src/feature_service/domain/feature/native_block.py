"""A block of windows whose sums, extremes and crossings are compiled functions'."""

from functools import cached_property

import numpy as np

from feature_service.domain.feature.block_scratch import BlockScratch
from feature_service.domain.feature.native_library import NativeLibrary
from feature_service.domain.feature.native_order import running_neighbours
from feature_service.domain.feature.native_sums import level, ranks, shape
from feature_service.domain.feature.shared_rows import LEAST_SHARED
from feature_service.domain.feature.window_block import QUARTILES, WindowBlock
from feature_service.domain.model.array import FloatArray, IndexArray


class NativeBlock(WindowBlock):
    """A WindowBlock of the windows of `series` that begin at `starts`; it need not fit the processor's cache.

    `values` are these windows, which may be a view of the series; `step` rows lie between their starts, unless that is
    None. What is not overridden is computed as ever.
    """

    def __init__(
        self,
        library: NativeLibrary,
        series: FloatArray,
        starts: IndexArray,
        *,
        values: FloatArray,
        positions: FloatArray,
        step: int | None = None,
        scratch: BlockScratch | None = None,
    ) -> None:
        self._library, self._series, self._starts = library, series, starts
        self._step = step
        self._level = level(library, series, starts, len(positions))
        super().__init__(values, positions, sums=self._level[0], scratch=scratch)

    @cached_property
    def _shape(self) -> FloatArray:
        return shape(self._library, self._series, self._starts, self.positions, self.mean)

    @cached_property
    def energy(self) -> FloatArray:
        """The sum of the squared values of each window."""
        return self._level[1]

    @cached_property
    def lowest(self) -> FloatArray:
        """The smallest value of each window."""
        return self._level[2]

    @cached_property
    def highest(self) -> FloatArray:
        """The largest value of each window."""
        return self._level[3]

    @cached_property
    def zero_crossings(self) -> FloatArray:
        """How often consecutive values of each window lie on different sides of zero."""
        return self._level[4]

    @cached_property
    def variation(self) -> FloatArray:
        """The sum of the squared deviations of each window."""
        return self._shape[0]

    @cached_property
    def third(self) -> FloatArray:
        """The sum of the third powers of the deviations of each window."""
        return self._shape[1]

    @cached_property
    def fourth(self) -> FloatArray:
        """The sum of the fourth powers of the deviations of each window."""
        return self._shape[2]

    @cached_property
    def rise(self) -> FloatArray:
        """The sum of the products of deviation and position of each window."""
        return self._shape[3]

    @cached_property
    def lagged(self) -> FloatArray:
        """The sum of the products of neighbouring deviations of each window."""
        return self._shape[4]

    @cached_property
    def mean_crossings(self) -> FloatArray:
        """How often consecutive values of each window lie on different sides of its mean."""
        return self._shape[5]

    def neighbours(self, place: int) -> tuple[FloatArray, FloatArray]:
        """See :meth:`WindowBlock.neighbours`; shared rows are put in order once for all windows."""
        if self._step is not None and 2 * self._step == self.size:
            below, above = ranks(self._library, self._halves, place)
        elif self._step is not None and self.size >= LEAST_SHARED * self._step and place in self._quartiles:
            below, above = self._running[self._quartiles.index(place)]
        else:
            return super().neighbours(place)
        return below, above

    @cached_property
    def _quartiles(self) -> list[int]:
        """The places that are looked for at once, as they cost little more than one."""
        return [int(share * (self.size - 1)) for share in QUARTILES]

    @cached_property
    def _running(self) -> FloatArray:
        first, last = int(self._starts[0]), int(self._starts[-1])
        assert self._step is not None
        return running_neighbours(
            self._library, self._series[first : last + self.size], self._step, self.size, self._quartiles
        )

    @cached_property
    def _halves(self) -> FloatArray:
        halves = self._scratch.halves[: len(self._starts) + 1]
        first = int(self._starts[0])
        np.copyto(halves, self._series[first : first + halves.size].reshape(halves.shape))
        halves.sort(axis=1)
        return halves
