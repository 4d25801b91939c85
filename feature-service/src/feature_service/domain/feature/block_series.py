"""All windows of one field in blocks: copies that fit the processor's cache for NumPy, larger views for the library."""

from typing import Final, Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from feature_service.domain.feature.block_scratch import BlockScratch
from feature_service.domain.feature.native_block import NativeBlock
from feature_service.domain.feature.native_library import NativeLibrary
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.feature.window_block import WindowBlock
from feature_service.domain.model.array import BoolArray, FloatArray, IndexArray

_BLOCK_BYTES: Final = 384 * 1024
"""Values of a block (measured): calls take longer than what they do in smaller ones, larger ones leave the cache."""
_NATIVE_BLOCK_BYTES: Final = 3 * 1024 * 1024
"""The same where most is computed of the rows where they lie, and only values in order are a block in memory."""


class BlockSeries(Protocol):
    """The windows of one field."""

    height: int
    """Windows of a block."""

    def block(self, part: slice) -> WindowBlock:
        """Return at most `height` consecutive windows; they hold until the next are asked for."""
        ...

    def some(self, part: slice, rows: BoolArray) -> WindowBlock:
        """Return those of the windows of `part` that are marked in `rows`, beside the block."""
        ...


class NumpySeries:
    """Blocks that are copied once, and are in the cache while all features are computed."""

    def __init__(self, values: FloatArray, plan: WindowPlan, starts: IndexArray | None) -> None:
        every = sliding_window_view(values, plan.size)
        self._windows = every[:: plan.step] if starts is None else every
        self._starts = starts
        count = len(self._windows) if starts is None else len(starts)
        self.height = min(count, max(1, _BLOCK_BYTES // (8 * plan.size)))
        self._positions = np.arange(plan.size, dtype=np.float64)
        self._scratch = BlockScratch(self.height, plan.size)

    def block(self, part: slice) -> WindowBlock:
        """See :meth:`BlockSeries.block`."""
        windows = self._windows[part] if self._starts is None else self._windows[self._starts[part]]
        values = self._scratch.values[: len(windows)]
        np.copyto(values, windows)
        return WindowBlock(values, self._positions, scratch=self._scratch)

    def some(self, part: slice, rows: BoolArray) -> WindowBlock:
        """See :meth:`BlockSeries.some`."""
        return WindowBlock(self.block(part).values[rows], self._positions)


class NativeSeries:
    """Blocks whose sums, extremes and crossings are computed of the rows where they lie; `small` ones fit the cache."""

    def __init__(
        self, values: FloatArray, plan: WindowPlan, starts: IndexArray | None, library: NativeLibrary, *, small: bool
    ) -> None:
        self._library, self._values = library, np.ascontiguousarray(values, dtype=np.float64)
        self._every = sliding_window_view(self._values, plan.size)
        self._step = plan.step if starts is None else None
        first = np.arange(plan.count(len(values))) * plan.step if starts is None else starts
        self._starts: IndexArray = np.ascontiguousarray(first, dtype=np.int64)
        most = _BLOCK_BYTES if small else _NATIVE_BLOCK_BYTES
        self.height = min(len(self._starts), max(1, most // (8 * plan.size)))
        self._positions = np.arange(plan.size, dtype=np.float64)
        self._scratch = BlockScratch(self.height, plan.size)

    def block(self, part: slice) -> WindowBlock:
        """See :meth:`BlockSeries.block`."""
        starts = self._starts[part]
        windows = self._every[starts] if self._step is None else self._every[:: self._step][part]
        return self._block(starts, windows, self._step, self._scratch)

    def some(self, part: slice, rows: BoolArray) -> WindowBlock:
        """See :meth:`BlockSeries.some`."""
        starts = self._starts[part][rows]
        return self._block(starts, self._every[starts])

    def _block(
        self, starts: IndexArray, windows: FloatArray, step: int | None = None, scratch: BlockScratch | None = None
    ) -> WindowBlock:
        return NativeBlock(
            self._library,
            self._values,
            starts,
            values=windows,
            positions=self._positions,
            step=step,
            scratch=scratch,
        )
