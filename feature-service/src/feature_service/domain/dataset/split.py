"""Which rows are for training and which for validation.

Rows are cut into row ranges, each wholly of one part, before anything is filled or windowed: no window, and no
filled value, has rows of both parts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, assert_never

import numpy as np

from feature_service.domain.dataset.plan import DatasetPlan, SplitMethod
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.feature.window_rows import Windowing, extent_of, micros_of_times
from feature_service.domain.model.array import BoolArray, IndexArray, TimeArray
from feature_service.domain.model.span import Span
from penstock_kit.errors import InvalidArgument

_VALIDATION_BLOCKS: Final = 5
"""Blocks of a device that a random split draws for validation; each has a border with the training part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRange:
    """Rows start <= row < stop of a device, all of one part."""

    device_code: str
    start: int
    stop: int
    training: bool


def row_ranges(
    rows: Mapping[str, int], plan: DatasetPlan, times: Mapping[str, TimeArray] | None = None
) -> list[RowRange]:
    """Return the row ranges of all devices, whose number of rows are `rows`, in their order.

    `times` are those of each device's rows, needed for a random split of windows by time alone.

    Raises InvalidArgument DEVICES_REQUIRED when a split by device has no two.
    """
    match plan.split:
        case SplitMethod.TIME:
            return [row_range for code, count in rows.items() for row_range in _by_time(code, count, plan)]
        case SplitMethod.DEVICE:
            return _by_device(rows, plan)
        case SplitMethod.RANDOM:
            random = np.random.default_rng(plan.random_state)
            return [
                row_range
                for code, count in rows.items()
                for row_range in _by_block(code, _window_edges(count, plan, (times or {}).get(code)), plan, random)
            ]
        case _:
            assert_never(plan.split)


def with_embargo(ranges: Sequence[RowRange], times: Mapping[str, TimeArray], embargo: int) -> list[RowRange]:
    """Return the ranges without the rows for training that are no farther than `embargo` from one for validation.

    `times` are those of each device's rows, `embargo` is in microseconds.
    """
    if not embargo:
        return list(ranges)
    checks = [each for each in ranges if not each.training and each.start < each.stop]
    by_device: dict[str, list[RowRange]] = {}
    for each in checks:
        by_device.setdefault(each.device_code, []).append(each)
    return [
        _apart(each, by_device.get(each.device_code, ()), times[each.device_code].astype(np.int64), embargo)
        if each.training
        else each
        for each in ranges
    ]


def _apart(training: RowRange, checks: Sequence[RowRange], stamps: IndexArray, embargo: int) -> RowRange:
    start, stop = training.start, training.stop
    for check in checks:
        if check.start >= training.stop:
            stop = min(stop, int(np.searchsorted(stamps, int(stamps[check.start]) - embargo, side="left")))
        else:
            start = max(start, int(np.searchsorted(stamps, int(stamps[check.stop - 1]) + embargo, side="right")))
    return replace(training, start=start, stop=stop) if start < stop else replace(training, stop=training.start)


def _by_time(code: str, rows: int, plan: DatasetPlan) -> list[RowRange]:
    boundary = round(rows * (1 - plan.val_split))
    return [
        RowRange(device_code=code, start=0, stop=boundary, training=True),
        RowRange(device_code=code, start=boundary, stop=rows, training=False),
    ]


def _by_device(rows: Mapping[str, int], plan: DatasetPlan) -> list[RowRange]:
    if len(rows) < 2:
        raise InvalidArgument(
            f"a split by device needs two devices with rows, there is {len(rows)}; split by time instead",
            reason="DEVICES_REQUIRED",
        )
    wanted = min(max(1, round(len(rows) * plan.val_split)), len(rows) - 1)
    shuffled: list[int] = np.random.default_rng(plan.random_state).permutation(len(rows)).tolist()
    validation = {list(rows)[index] for index in shuffled[:wanted]}
    return [
        RowRange(device_code=code, start=0, stop=count, training=code not in validation) for code, count in rows.items()
    ]


def window_of(plan: DatasetPlan, row_range: RowRange, times: TimeArray) -> Windowing:
    """Return the windows of a row range of a device, whose rows are at `times`.

    The time of a window that is made lies where no row of another range is, and within the range of the plan.
    """
    window = plan.extraction.window
    if isinstance(window, WindowPlan) or row_range.start == row_range.stop:
        return window
    micros = micros_of_times(times)
    start = int(micros[row_range.start - 1]) + 1 if row_range.start else plan.span.start
    end = int(micros[row_range.stop]) if row_range.stop < len(micros) else plan.span.end
    return window.within(Span(start=start, end=end), extent_of(times[row_range.start : row_range.stop]))


def _window_edges(rows: int, plan: DatasetPlan, times: TimeArray | None) -> IndexArray:
    """The first row of each window that shares none with another, and the row behind the last."""
    window = plan.extraction.window
    if isinstance(window, WindowPlan):
        return np.arange(rows // window.size + 1, dtype=np.int64) * window.size
    assert times is not None, "windows by time need the times of the rows"
    places = micros_of_times(times) // window.step
    return np.concatenate(([0], np.flatnonzero(np.diff(places)) + 1, [rows]))


def _by_block(code: str, edges: IndexArray, plan: DatasetPlan, random: np.random.Generator) -> list[RowRange]:
    """Blocks of neighbouring windows are drawn for validation; a training window beside one of them is left out.

    Neighbours resemble each other: with one of them in each part, a model is asked what it was told.
    """
    count = len(edges) - 1
    if count == 0:
        return []
    blocks = np.arange(count) // max(1, round(count * plan.val_split / _VALIDATION_BLOCKS))
    amount = int(blocks[-1]) + 1
    drawn = random.permutation(amount)[: round(amount * plan.val_split)]
    validation = np.isin(blocks, drawn)
    beside = np.zeros(count, dtype=np.bool_)
    beside[1:] |= validation[:-1]
    beside[:-1] |= validation[1:]
    return [
        RowRange(device_code=code, start=int(edges[first]), stop=int(edges[last]), training=not validation[first])
        for first, last in _runs(validation | beside, validation)
        if validation[first] or not beside[first]
    ]


def _runs(*kinds: BoolArray) -> list[tuple[int, int]]:
    """Where neighbours of the same kinds begin and end."""
    changed = np.logical_or.reduce([values[1:] != values[:-1] for values in kinds])
    edges: list[int] = (np.flatnonzero(changed) + 1).tolist()
    return list(pairwise([0, *edges, len(kinds[0])]))
