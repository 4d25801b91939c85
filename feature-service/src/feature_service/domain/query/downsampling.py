"""A long series in few readings that keep its shape: largest triangle three buckets (Steinarsson, 2013).

Unlike an aggregate of buckets it invents nothing: every point is a reading. Of long series the lowest and highest of
short stretches are taken first (MinMaxLTTB; Van Der Donckt et al., 2023), so that memory does not grow with the range.
"""

import asyncio
from collections.abc import AsyncIterable
from typing import Final

import numpy as np

from feature_service.domain.model.array import BoolArray, FloatArray, IndexArray, TimeArray
from feature_service.domain.model.frame import Frame, concatenate

# Readings that are chosen from as they are; of more, so many for each point.
_MOST_ROWS: Final = 1_000_000
_ROWS_A_POINT: Final = 8


async def downsample(
    blocks: AsyncIterable[Frame], field: str, *, rows: int, points: int, most_rows: int = _MOST_ROWS
) -> Frame:
    """Return at most `points` (3 or more) of the readings of `field` in `blocks`, about `rows` of them, in order.

    The first and the last are among them; rows without a value are passed over.
    """
    stretch = 1 if rows <= max(most_rows, _ROWS_A_POINT * points) else -(-2 * rows // (_ROWS_A_POINT * points))
    kept: list[Frame] = []
    rest: Frame | None = None
    async for block in blocks:
        known = block.where(~np.isnan(block.numbers[field]))
        if not kept and len(known):
            # The first reading stands for itself, so that it is chosen.
            kept.append(known.first(1))
            known = known.cut(slice(1, None))
        joined = known if rest is None else concatenate([rest, known])
        # What is no whole stretch waits, and so does one stretch: the last reading is in it.
        whole = max(0, len(joined) // stretch - 1) * stretch
        if whole:
            kept.append(joined.where(_extremes(joined.numbers[field][:whole], stretch, len(joined))))
        rest = joined.cut(slice(whole, None))
    series = concatenate([*kept, *([] if rest is None else [rest])])
    if not len(series):
        return series
    chosen = await asyncio.to_thread(largest_triangles, series.timestamps, series.numbers[field], points)
    keep = np.zeros(len(series), dtype=np.bool_)
    keep[chosen] = True
    return series.where(keep)


def largest_triangles(times: TimeArray, values: FloatArray, points: int) -> IndexArray:
    """Return the places of at most `points` readings, in order: of each of as many stretches between the first and the
    last the one that spans the largest triangle with the one chosen before it and the mean of the next stretch.
    """
    count = len(values)
    if count <= points:
        return np.arange(count)
    x = (times - times[0]).astype(np.float64)
    edges = 1 + (np.arange(points - 1) * ((count - 2) / (points - 2))).astype(np.int64)
    # The stretch behind the last is the last reading alone.
    sizes = np.diff([*edges, count])
    mean_x, mean_y = np.add.reduceat(x, edges) / sizes, np.add.reduceat(values, edges) / sizes
    chosen = np.empty(points, dtype=np.int64)
    chosen[0], chosen[-1] = 0, count - 1
    at = 0
    for number in range(points - 2):
        inside = slice(edges[number], edges[number + 1])
        width, height = mean_x[number + 1] - x[at], mean_y[number + 1] - values[at]
        areas = np.abs((values[inside] - values[at]) * width - (x[inside] - x[at]) * height)
        at = int(edges[number] + areas.argmax())
        chosen[number + 1] = at
    return chosen


def _extremes(values: FloatArray, stretch: int, count: int) -> BoolArray:
    """Return which of `count` readings are the lowest or highest of their stretch; none behind the whole ones."""
    keep = np.zeros(count, dtype=np.bool_)
    if stretch == 1:
        keep[: len(values)] = True
    else:
        table = values.reshape(-1, stretch)
        starts = np.arange(len(table)) * stretch
        keep[starts + table.argmin(axis=1)] = True
        keep[starts + table.argmax(axis=1)] = True
    return keep
