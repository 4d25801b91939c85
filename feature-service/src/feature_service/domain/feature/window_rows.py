"""Which rows are in which window, of windows by rows and by time."""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from feature_service.domain.feature.duration_text import duration_text
from feature_service.domain.feature.time_window import TimeWindowPlan
from feature_service.domain.feature.window import MAX_SIZE, WindowPlan
from feature_service.domain.feature.window_layout import window_starts
from feature_service.domain.model.array import BoolArray, IndexArray, TimeArray
from feature_service.domain.model.span import Extent, Span, iso_time
from penstock_kit.errors import Unprocessable

Windowing: TypeAlias = WindowPlan | TimeWindowPlan
"""How rows are cut into windows."""
_MOST_AT_ONCE: Final = 10_000_000
"""Windows by time whose places are in memory at once, of 8 bytes in each of some arrays."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WindowRows:
    """Each window's rows, from row `first` to before row `stop`, and the time at which it begins.

    A window by rows begins with its first row, one by time at its own time. `over_gap` windows were left out, as they
    have no row for too long.
    """

    first: IndexArray
    stop: IndexArray
    times: TimeArray
    over_gap: int = 0

    def __len__(self) -> int:
        return len(self.first)

    def cut(self, windows: slice) -> "WindowRows":
        """Return some of the windows, of the rows from the first one's first row on."""
        first = self.first[windows]
        before = int(first[0]) if len(first) else 0
        return WindowRows(first=first - before, stop=self.stop[windows] - before, times=self.times[windows])


def window_rows(times: TimeArray, plan: Windowing) -> WindowRows:
    """Return the windows of rows at these times, in ascending order; none when none fits.

    Raises Unprocessable WINDOW_LIMIT_EXCEEDED when a window by time has more rows than a window may have, or more
    windows by time have rows than are made at once.
    """
    if isinstance(plan, WindowPlan):
        first = window_starts(times, plan)
        return WindowRows(first=first, stop=first + plan.size, times=times[first])
    if len(times) == 0:
        return WindowRows(first=_NONE, stop=_NONE, times=times)
    micros = micros_of_times(times)
    plan = plan.within(Span(), extent_of(times))
    begin = _candidates(micros, plan) * plan.step
    first = np.searchsorted(micros, begin, side="left")
    stop = np.searchsorted(micros, begin + plan.size, side="left")
    require_few_rows(int((stop - first).max(initial=0)), plan, begin)
    filled = stop - first >= plan.min_rows
    over = _over_gap(micros, begin, first, stop, plan) & filled
    kept = filled & ~over
    return WindowRows(
        first=first[kept], stop=stop[kept], times=begin[kept].view("datetime64[us]"), over_gap=int(over.sum())
    )


_NONE: IndexArray = np.empty(0, dtype=np.int64)


def micros_of_times(times: TimeArray) -> IndexArray:
    """Return times in microseconds since the epoch, without a copy where they are such already."""
    return times.astype("datetime64[us]", copy=False).view(np.int64)


def extent_of(times: TimeArray) -> Extent:
    """Return from when to when rows are, of which there must be one."""
    return Extent(first=int(micros_of_times(times[:1])[0]), last=int(micros_of_times(times[-1:])[0]), rows=len(times))


def _candidates(micros: IndexArray, plan: TimeWindowPlan) -> IndexArray:
    """The windows of the range that have a row, as multiples of the step, ascending; their number follows the rows."""
    newest = micros // plan.step  # the last window that a row may be in
    newest = newest[np.concatenate(([True], newest[1:] != newest[:-1]))]
    oldest = newest - -(-plan.size // plan.step) + 1
    oldest[1:] = np.maximum(oldest[1:], newest[:-1] + 1)
    least, beyond = plan.places()
    oldest, stop = np.clip(oldest, least, beyond), np.clip(newest + 1, least, beyond)
    counts = stop - oldest
    _require_few(int(counts.sum()), plan)
    before = np.cumsum(counts) - counts
    return np.repeat(oldest - before, counts) + np.arange(int(counts.sum()), dtype=np.int64)


def _require_few(windows: int, plan: TimeWindowPlan) -> None:
    if windows > _MOST_AT_ONCE:
        raise Unprocessable(
            f"{windows} windows of {plan}, one every {duration_text(plan.step)}, have rows, at most {_MOST_AT_ONCE} "
            "are made at once; ask for a shorter range, a smaller overlap or a larger window_size",
            reason="WINDOW_LIMIT_EXCEEDED",
            metadata={"window_size": str(plan), "windows": str(windows)},
        )


def _over_gap(
    micros: IndexArray, begin: IndexArray, first: IndexArray, stop: IndexArray, plan: TimeWindowPlan
) -> BoolArray:
    """Which windows have no row for longer than `max_gap`: before their first row, between two, behind their last."""
    if plan.max_gap is None:
        return np.zeros(len(begin), dtype=np.bool_)
    before = np.concatenate(([0], np.cumsum(np.diff(micros) > plan.max_gap)))  # long gaps before each row
    first, last = np.minimum(first, len(micros) - 1), np.maximum(stop - 1, 0)
    late = micros[first] - begin > plan.max_gap
    early = begin + plan.size - micros[last] > plan.max_gap
    return late | early | (before[last] > before[first])


def require_few_rows(most: int, plan: TimeWindowPlan, begin: IndexArray) -> None:
    """Raise Unprocessable WINDOW_LIMIT_EXCEEDED when a window has more rows than one may have."""
    if most > MAX_SIZE:
        raise Unprocessable(
            f"a window of {plan} from {iso_time(int(begin[0]))} on has {most} rows, at most {MAX_SIZE} are taken; "
            "ask for a shorter window",
            reason="WINDOW_LIMIT_EXCEEDED",
            metadata={"window_size": str(plan), "rows": str(most)},
        )
