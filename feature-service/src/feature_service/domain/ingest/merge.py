"""Rows of one body in any order become rows of strictly ascending times; those that were merged are counted."""

from itertools import pairwise

import numpy as np

from feature_service.domain.model.array import BoolArray, FloatArray, IndexArray, TextArray, TimeArray
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.series import SeriesKey


def merged(frame: Frame) -> Frame:
    """Return the rows in order of time, one per time.

    Of rows at the same time the last one counts, field by field: its missing values are taken from those
    before it.
    """
    times = frame.timestamps
    if len(times) < 2 or bool((times[1:] > times[:-1]).all()):
        return frame
    order = np.argsort(times, kind="stable")
    ascending = times[order]
    ends = np.flatnonzero(np.append(ascending[1:] != ascending[:-1], True))
    if len(ends) == len(times):
        return _taken(frame, order)
    starts = np.concatenate(([0], ends[:-1] + 1))
    return Frame(
        timestamps=ascending[ends],
        numbers={name: _last_numbers(values[order], starts, ends) for name, values in frame.numbers.items()},
        texts={name: _last_texts(values[order], starts, ends) for name, values in frame.texts.items()},
    )


def merge_notes(count: int) -> tuple[str, ...]:
    """Return what is to be told when `count` rows were merged into others; nothing without any."""
    if not count:
        return ()
    rows = "1 row has" if count == 1 else f"{count} rows have"
    return (
        f"{rows} a time that the body gave before: of each field the last value at a time is kept; where times lack "
        "their seconds, or the time of day is a column of its own (time_column), rows are lost so",
    )


class MergeCount:
    """Counts the rows of each series that were given at a time the body had given before.

    Times are kept, eight bytes a row; they are compared only when blocks overlap in time.
    """

    def __init__(self) -> None:
        self._times: dict[SeriesKey, list[TimeArray]] = {}
        self._within = 0

    def add(self, key: SeriesKey, given: int, times: TimeArray) -> None:
        """Take a block of `given` rows, of which those at `times` (ascending, each once) are left."""
        self._within += given - len(times)
        self._times.setdefault(key, []).append(times)

    def total(self) -> int:
        """Return how many rows were merged into others."""
        return self._within + sum(map(_merged_across, self._times.values()))


def _last_numbers(values: FloatArray, starts: IndexArray, ends: IndexArray) -> FloatArray:
    source, found = _last_present(~np.isnan(values), starts, ends)
    return np.where(found, values[source], np.nan)


def _last_texts(values: TextArray, starts: IndexArray, ends: IndexArray) -> TextArray:
    present = np.array([value is not None for value in values], dtype=np.bool_)
    source, found = _last_present(present, starts, ends)
    result = values[source]
    result[~found] = None
    return result


def _last_present(present: BoolArray, starts: IndexArray, ends: IndexArray) -> tuple[IndexArray, BoolArray]:
    """For each group of rows, where its last present value is, and whether it has one."""
    source = np.maximum.accumulate(np.where(present, np.arange(len(present)), -1))[ends]
    return source, source >= starts


def _taken(frame: Frame, order: IndexArray) -> Frame:
    return Frame(
        timestamps=frame.timestamps[order],
        numbers={name: values[order] for name, values in frame.numbers.items()},
        texts={name: values[order] for name, values in frame.texts.items()},
    )


def _merged_across(blocks: list[TimeArray]) -> int:
    if all(later[0] > earlier[-1] for earlier, later in pairwise(blocks)):
        return 0
    times = np.concatenate(blocks)
    return len(times) - len(np.unique(times))
