"""Where windows lie in rows: their first rows, with no window over a gap that is too long."""

import numpy as np

from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.array import IndexArray, TimeArray
from penstock_kit.errors import Unprocessable


def window_starts(times: TimeArray, plan: WindowPlan) -> IndexArray:
    """Return the row of each window's start, in ascending order; none when no window fits.

    After a gap of more than `max_gap` between two rows windows begin anew: each stretch without one has windows of
    its own, and the rows after its last full window are left out.
    """
    if plan.max_gap is None:
        return np.arange(plan.count(len(times)), dtype=np.int64) * plan.step
    edges = gap_edges(times, plan)
    firsts = np.concatenate(([0], edges))
    lengths = np.diff(np.concatenate((firsts, [len(times)])))
    counts: IndexArray = np.where(lengths < plan.size, 0, (lengths - plan.size) // plan.step + 1)
    before: IndexArray = np.repeat(np.cumsum(counts) - counts, counts)
    within = np.arange(int(counts.sum()), dtype=np.int64) - before
    return np.repeat(firsts, counts) + within * plan.step


def require_windows(starts: IndexArray, times: TimeArray, plan: WindowPlan) -> None:
    """Raise Unprocessable WINDOW_LIMIT_EXCEEDED when no window fits between the gaps."""
    if len(starts) or plan.max_gap is None:
        return
    edges = gap_edges(times, plan)
    raise no_window_between_gaps(int(np.diff(np.concatenate(([0], edges, [len(times)]))).max()), plan)


def gap_edges(times: TimeArray, plan: WindowPlan) -> IndexArray:
    """Return the rows before which there is a gap of more than `max_gap`; none when gaps do not matter."""
    if plan.max_gap is None:
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero(np.diff(times.astype(np.int64)) > plan.max_gap) + 1


def no_window_between_gaps(longest: int, plan: WindowPlan) -> Unprocessable:
    """Return the error of rows whose longest stretch without a gap is shorter than a window."""
    return Unprocessable(
        f"no {plan.size} rows follow each other without a gap of more than {(plan.max_gap or 0) / 1e6:g} s; the "
        f"longest stretch has {longest}: take a smaller window_size or a larger max_gap",
        reason="WINDOW_LIMIT_EXCEEDED",
        metadata={"window_size": str(plan.size), "rows": str(longest)},
    )
