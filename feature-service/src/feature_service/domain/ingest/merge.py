"""Rows of one body in any order become rows of strictly ascending times."""

import numpy as np

from feature_service.domain.array import BoolArray, FloatArray, IndexArray, TextArray
from feature_service.domain.frame import Frame


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
