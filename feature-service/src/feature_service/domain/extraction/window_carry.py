"""Windows of a long range made block by block: rows that later windows need are carried over a block's end."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from feature_service.domain.extraction.extract import CleanRows, window_matrix
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.feature.window_layout import gap_edges
from feature_service.domain.feature.window_rows import Windowing, WindowRows
from feature_service.domain.model.array import FloatArray, TimeArray
from feature_service.domain.model.frame import Frame, concatenate

Check: TypeAlias = Callable[[], None]


class WindowCarry:
    """Makes the windows of blocks that follow each other, those of all their rows together.

    `rows` counts the rows it was given, `longest` those of the longest stretch without a gap of more than `max_gap`.
    `check` is called now and then; what it raises ends the work.
    """

    over_gap = 0

    def __init__(self, window: WindowPlan, features: tuple[str, ...], check: Check) -> None:
        self.rows = 0
        self.longest = 0
        self._window = window
        self._features = features
        self._check = check
        self._rest: CleanRows | None = None
        self._stretch = 0
        self._last: TimeArray | None = None

    def cut(self, clean: CleanRows) -> tuple[TimeArray, FloatArray]:
        """Return the times and the features of the windows that end in the block."""
        self._count(clean.frame.timestamps)
        rows = clean if self._rest is None else joined(self._rest, clean)
        windows = rows.windows(self._window)
        self._rest = copied(rows.cut(slice(self._next_start(rows.frame.timestamps, len(windows)), None)))
        return features_of(rows, self._window, self._features, windows, self._check)

    def end(self) -> tuple[TimeArray, FloatArray] | None:
        """Return the windows that wait for no more rows: none, as each ends with a row."""
        return None

    def _next_start(self, times: TimeArray, windows: int) -> int:
        """The row with which the first window begins that does not end in these rows."""
        edges = gap_edges(times, self._window)
        if len(edges) == 0:
            return windows * self._window.step
        last = int(edges[-1])
        return last + self._window.count(len(times) - last) * self._window.step

    def _count(self, times: TimeArray) -> None:
        self.rows += len(times)
        if self._window.max_gap is None or len(times) == 0:
            return
        before = times[:0] if self._last is None else self._last
        edges = gap_edges(np.concatenate((before, times)), self._window) - len(before)
        lengths = np.diff(np.concatenate(([-self._stretch], edges, [len(times)])))
        self.longest = max(self.longest, int(lengths.max()))
        self._stretch = int(lengths[-1])
        self._last = times[-1:].copy()


def features_of(
    rows: CleanRows, window: Windowing, features: tuple[str, ...], windows: WindowRows, check: Check
) -> tuple[TimeArray, FloatArray]:
    """Return the times and the features of windows, of which there may be none."""
    if len(windows) == 0:
        return windows.times, np.empty((0, len(rows.frame.numbers) * len(features)))
    return windows.times, window_matrix(rows, window, features, windows, lambda _: check())


def joined(first: CleanRows, second: CleanRows) -> CleanRows:
    """Return the rows of both, in memory of their own."""
    frame = concatenate([first.frame, second.frame])
    absent = {name: np.concatenate((first.absent[name], values)) for name, values in second.absent.items()}
    return CleanRows(frame=frame, absent=absent, kept=np.ones(len(frame), dtype=np.bool_))


def copied(rows: CleanRows) -> CleanRows:
    """Return the same rows in memory of their own: they are few, and the block they were of is let go."""
    frame = Frame(
        timestamps=rows.frame.timestamps.copy(),
        numbers={name: values.copy() for name, values in rows.frame.numbers.items()},
    )
    return CleanRows(
        frame=frame, absent={name: values.copy() for name, values in rows.absent.items()}, kept=rows.kept.copy()
    )
