"""Windows by time of a long range made block by block: the rows of windows that are not over yet are carried on."""

from dataclasses import replace

import numpy as np

from feature_service.domain.extraction.extract import CleanRows
from feature_service.domain.extraction.window_carry import Check, WindowCarry, copied, features_of, joined
from feature_service.domain.feature.time_window import TimeWindowPlan
from feature_service.domain.feature.window import MAX_SIZE, WindowPlan
from feature_service.domain.feature.window_rows import Windowing, micros_of_times, require_few_rows, window_rows
from feature_service.domain.model.array import FloatArray, TimeArray


class TimeWindowCarry:
    """Makes the windows by time of blocks that follow each other; `window` is the plan for all their range.

    `rows` counts the rows it was given, `over_gap` the windows that were left out for a gap.
    """

    longest = 0

    def __init__(self, window: TimeWindowPlan, features: tuple[str, ...], check: Check) -> None:
        self.rows = 0
        self.over_gap = 0
        self._window = window
        self._features = features
        self._check = check
        self._rest: CleanRows | None = None
        self._next = window.places()[0] * window.step

    def cut(self, clean: CleanRows) -> tuple[TimeArray, FloatArray]:
        """Return the times and the features of the windows that are over when the block is."""
        self.rows += len(clean.frame)
        rows = clean if self._rest is None else joined(self._rest, clean)
        times = micros_of_times(rows.frame.timestamps)
        if len(times) == 0:
            self._rest = rows
            return rows.frame.timestamps, np.empty((0, len(rows.frame.numbers) * len(self._features)))
        over = int(times[-1]) + 1
        made = self._made(rows, over)
        step = self._window.step
        self._next = max(self._next, ((over - self._window.size) // step + 1) * step)
        self._rest = copied(rows.cut(slice(int(np.searchsorted(times, self._next, side="left")), None)))
        self._require_few()
        return made

    def end(self) -> tuple[TimeArray, FloatArray] | None:
        """Return the times and the features of the windows that end behind the last row; None without any rows."""
        assert self._window.end is not None, "the range is not known yet"
        return None if self._rest is None else self._made(self._rest, self._window.end)

    def _made(self, rows: CleanRows, over: int) -> tuple[TimeArray, FloatArray]:
        """Make the windows that were not made yet and end at or before `over`."""
        assert self._window.end is not None, "the range is not known yet"
        window = replace(self._window, start=self._next, end=min(self._window.end, over))
        windows = window_rows(rows.frame.timestamps, window)
        self.over_gap += windows.over_gap
        return features_of(rows, window, self._features, windows, self._check)

    def _require_few(self) -> None:
        """Rows that wait are those of windows: too many are told before they fill the memory."""
        assert self._rest is not None, "no block was cut yet"
        times = micros_of_times(self._rest.frame.timestamps)
        if len(times) > MAX_SIZE:
            inside = int(np.searchsorted(times, self._next + self._window.size, side="left"))
            require_few_rows(inside, self._window, np.array([self._next]))


def carry_of(window: Windowing, features: tuple[str, ...], check: Check) -> WindowCarry | TimeWindowCarry:
    """Return what makes the windows of a plan from blocks; `check` is called now and then, and may raise."""
    if isinstance(window, WindowPlan):
        return WindowCarry(window, features, check)
    return TimeWindowCarry(window, features, check)
