"""A long series in few readings that keep its shape: largest triangle three buckets (Steinarsson, 2013).

Unlike an aggregate of buckets it invents nothing: every point is a reading. Of long series the lowest and highest of
short stretches are taken first (MinMaxLTTB; Van Der Donckt et al., 2023), so that memory does not grow with the range.
Gaps are no part of the shape: each run of readings between two of them has its first, its last and its own points.
"""

import asyncio
from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from feature_service.domain.model.array import BoolArray, FloatArray, IndexArray, TimeArray
from feature_service.domain.model.frame import Frame, concatenate
from feature_service.domain.telemetry.query import LEAST_POINTS, LTTB, HistoryQuery
from penstock_kit.errors import InvalidArgument

# Readings that are chosen from as they are; of more, so many for each point.
_MOST_ROWS: Final = 1_000_000
_ROWS_A_POINT: Final = 8
_MOST_GAPS: Final = 100_000
"""Gaps that are noted: the readings beside each of them are in memory."""
_POINTS_A_RUN: Final = 4
"""Points for each run of readings between gaps: two are its ends, the others draw it."""
_LEAST_WITH_EXTREMES: Final = 4
"""Points among which first, last, lowest and highest fit."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Downsampled:
    """The readings that were chosen, and from which of them to which there is a gap (microseconds since the epoch)."""

    frame: Frame
    gaps: Sequence[tuple[int, int]] = ()


def require_downsampling(query: HistoryQuery) -> None:
    """Raise InvalidArgument LIMIT_INVALID or AGGREGATE_INVALID unless the question is for readings of one field."""
    if query.limit < LEAST_POINTS:
        raise InvalidArgument(
            f"limit is {query.limit}; {LTTB!r} keeps the first reading, the last and at least one between",
            reason="LIMIT_INVALID",
        )
    if query.interval is not None or query.conditions or query.order_by or len(query.fields) != 1:
        raise InvalidArgument(
            f"{LTTB!r} takes one field, and no interval, filters or order_by", reason="AGGREGATE_INVALID"
        )


async def downsample(
    blocks: AsyncIterable[Frame],
    field: str,
    *,
    rows: int,
    points: int,
    max_gap: int | None = None,
    most_rows: int = _MOST_ROWS,
) -> Downsampled:
    """Return at most `points` (3 or more) of the readings of `field` in `blocks`, about `rows` of them, in order.

    The first and the last are among them, and the lowest and the highest where four points are asked for; rows without
    a value are passed over. Readings farther apart than `max_gap` microseconds have a gap between them, whose both ends
    are chosen; where there are more gaps than points for them, the longest count. Raises InvalidArgument
    MAX_GAP_INVALID where there are too many gaps to note.
    """
    stretch = 1 if rows <= max(most_rows, _ROWS_A_POINT * points) else -(-2 * rows // (_ROWS_A_POINT * points))
    kept: list[Frame] = []
    rest: Frame | None = None
    gaps = _Gaps(max_gap)
    async for block in blocks:
        known = block.where(~np.isnan(block.numbers[field]))
        if not kept and len(known):
            # The first reading stands for itself, so that it is chosen.
            kept.append(known.first(1))
            gaps.beside(kept[0].timestamps, 1)
            known = known.cut(slice(1, None))
        joined = known if rest is None else concatenate([rest, known])
        # What is no whole stretch waits, and so does one stretch: the last reading is in it.
        whole = max(0, len(joined) // stretch - 1) * stretch
        if whole:
            edges = gaps.beside(joined.timestamps, whole)
            kept.append(joined.where(_extremes(joined.numbers[field][:whole], stretch, len(joined)) | edges))
        rest = joined.cut(slice(whole, None))
    series = concatenate([*kept, *([] if rest is None else [rest])])
    if not len(series):
        return Downsampled(frame=series)
    if rest is not None:
        gaps.beside(rest.timestamps, len(rest))
    return await asyncio.to_thread(_chosen, series, field, points, gaps.found())


def _chosen(series: Frame, field: str, points: int, gaps: IndexArray) -> Downsampled:
    times, values = series.timestamps, series.numbers[field]
    most_runs = max(1, points // _POINTS_A_RUN)
    longest = np.argsort(gaps[:, 0] - gaps[:, 1], kind="stable")[: most_runs - 1]
    told = gaps[np.sort(longest)]
    starts = np.searchsorted(times.astype("int64"), told[:, 1])
    chosen = points_of_runs(times, values, starts, points)
    extremes = {int(values.argmin()), int(values.argmax())}
    if points >= _LEAST_WITH_EXTREMES and not extremes <= set(chosen.tolist()):
        chosen = np.array(sorted(extremes | set(points_of_runs(times, values, starts, points - 2).tolist())))
    keep = np.zeros(len(series), dtype=np.bool_)
    keep[chosen] = True
    return Downsampled(frame=series.where(keep), gaps=[(int(start), int(end)) for start, end in told])


def points_of_runs(times: TimeArray, values: FloatArray, starts: IndexArray, points: int) -> IndexArray:
    """Return the places of at most `points` readings, in order: of each run its first, its last, and a share of the
    others that keep its shape. `starts` are the places at which runs begin, but for the first.
    """
    edges = [0, *starts.tolist(), len(values)]
    sizes = np.diff(edges)
    ends = np.minimum(sizes, 2)
    inside = sizes - ends
    room = max(0, min(points - int(ends.sum()), int(inside.sum())))
    shares = room * inside / max(1, int(inside.sum()))
    given = np.floor(shares).astype(np.int64)
    for place in np.argsort(given - shares, kind="stable")[: room - int(given.sum())]:
        given[place] += 1
    parts = [
        begin + _places(times[begin:stop], values[begin:stop], int(count))
        for begin, stop, count in zip(edges, edges[1:], ends + given, strict=False)
    ]
    return np.concatenate(parts)


def _places(times: TimeArray, values: FloatArray, points: int) -> IndexArray:
    if points > 2:
        return largest_triangles(times, values, points)
    return np.array([0, len(values) - 1][:points], dtype=np.int64)


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


@dataclass(slots=True)
class _Gaps:
    """The gaps of a series that is seen piece by piece."""

    longest: int | None
    _last: int | None = None
    _parts: list[IndexArray] = field(default_factory=list[IndexArray])
    _count: int = 0

    def beside(self, times: TimeArray, taken: int) -> BoolArray:
        """Note the gaps before each of the first `taken` readings; return which readings are beside one.

        The others are shown again with the next piece.
        """
        edges = np.zeros(len(times), dtype=np.bool_)
        if self.longest is None:
            return edges
        micros = times.astype("int64")
        before = micros[:1] if self._last is None else np.array([self._last])
        steps = np.diff(np.concatenate((before, micros)))
        wide = steps > self.longest
        edges |= wide
        edges[:-1] |= wide[1:]
        edges[taken:] = False
        ends = micros[:taken][wide[:taken]]
        self._parts.append(np.column_stack((ends - steps[:taken][wide[:taken]], ends)))
        self._count += len(ends)
        if self._count > _MOST_GAPS:
            raise InvalidArgument(
                f"more than {_MOST_GAPS} readings of the range are farther apart than max_gap; name a longer one",
                reason="MAX_GAP_INVALID",
            )
        self._last = int(micros[taken - 1]) if taken else self._last
        return edges

    def found(self) -> IndexArray:
        """Return the start and the end of each gap."""
        return np.concatenate([np.empty((0, 2), dtype=np.int64), *self._parts])


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
