"""Rows reduced to what a picture of some pixels shows: of each pixel column the first, lowest, highest and last value.

A line through these points covers the pixels that one through all rows does (Jugel et al., M4, VLDB 2014). The points
of the points of two stretches are those of both, so that rows are reduced block by block.
"""

import numpy as np

from feature_service.domain.model.array import FloatArray, IndexArray
from feature_service.domain.plot.plot import Line


def reduced(line: Line, start: int, end: int, columns: int) -> Line:
    """Return the points of a line that a picture `columns` pixels wide shows; missing values are left out."""
    present = np.isfinite(line.values)
    times, values = line.times[present], line.values[present]
    if len(times) <= 4 * columns:
        return Line(times=times, values=values)
    places = (times - start) * columns // max(1, end - start)
    edges = np.flatnonzero(np.diff(places)) + 1
    firsts = np.concatenate(([0], edges))
    lasts = np.concatenate((edges, [len(times)])) - 1
    chosen = np.unique(np.concatenate((firsts, lasts, *_extremes(values, firsts, lasts))))
    return Line(times=times[chosen], values=values[chosen])


def stretches(line: Line, max_gap: int | None) -> tuple[Line, ...]:
    """Return the line in pieces that have no two neighbouring points farther apart than `max_gap`."""
    if max_gap is None or len(line.times) == 0:
        return (line,)
    edges = np.flatnonzero(np.diff(line.times) > max_gap) + 1
    times, values = np.split(line.times, edges), np.split(line.values, edges)
    return tuple(Line(times=each, values=value) for each, value in zip(times, values, strict=True))


def joined(first: Line, second: Line) -> Line:
    """Return the points of both, `second` behind `first`."""
    return Line(times=np.concatenate((first.times, second.times)), values=np.concatenate((first.values, second.values)))


def _extremes(values: FloatArray, firsts: IndexArray, lasts: IndexArray) -> tuple[IndexArray, IndexArray]:
    """The rows of the lowest and of the highest value of each group."""
    groups = np.repeat(np.arange(len(firsts)), lasts - firsts + 1)
    order = np.lexsort((values, groups))
    return order[firsts], order[lasts]
