"""Local times become instants, by one rule for every format.

A local time that does not exist (clocks went forward over it) is refused. Of an hour that occurs twice, rows are
taken in the order of the body: the first passage is meant until a time steps back, from there the second; where no
time steps back but exactly one is given twice in a row, its repetition starts the second. A body in descending order
is read from its end.
"""

from datetime import UTC, tzinfo
from itertools import pairwise
from typing import Final

import numpy as np

from feature_service.domain.ingest.zone import offset_of
from feature_service.domain.model.array import BoolArray, IndexArray, TextArray
from feature_service.domain.model.span import END_MICROS, FIRST_MICROS

_DAY: Final = 86_400_000_000
_QUARTER: Final = 900_000_000
"""A quarter of an hour in microseconds: nearly all changes of clocks are at its edges, in local time."""


class LocalClock:
    """The clock of a zone, over the blocks of one body; `ambiguous` counts the times that occur twice."""

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone
        self.ambiguous = 0
        self._passages: dict[str, _Passage] = {}

    def instants(self, local: IndexArray, devices: TextArray | None = None) -> tuple[IndexArray, BoolArray]:
        """Return the instants of rows in the order of the body, and which local times do not exist.

        `devices` names the device of each row when a body has several: each has a passage of its own.
        """
        if self.zone is UTC or len(local) == 0:
            return local, np.zeros(len(local), dtype=np.bool_)
        first, second = self._offsets(local)
        twice = first > second
        offsets = first
        if self._watches(twice):
            offsets = np.where(self._second_passage(local, twice, devices), second, first)
        elif devices is None:
            self._passages.setdefault("", _Passage()).last = int(local[-1])
        self.ambiguous += int(np.count_nonzero(twice))
        return local - offsets, first < second

    def _watches(self, twice: BoolArray) -> bool:
        return bool(twice.any()) or any(passage.inside for passage in self._passages.values())

    def _second_passage(self, local: IndexArray, twice: BoolArray, devices: TextArray | None) -> BoolArray:
        result = np.zeros(len(local), dtype=np.bool_)
        for device, rows in _rows_by_device(len(local), devices):
            passage = self._passages.setdefault(device, _Passage())
            result[rows] = passage.second(local[rows], twice[rows])
        return result

    def _offsets(self, local: IndexArray) -> tuple[IndexArray, IndexArray]:
        quarters, where = np.unique(
            np.clip(local, FIRST_MICROS + _DAY, END_MICROS - _DAY) // _QUARTER, return_inverse=True
        )
        table = np.array([_quarter(int(quarter) * _QUARTER, self.zone) for quarter in quarters], dtype=np.int64)
        first, second = table[where, 0], table[where, 1]
        for row in np.flatnonzero(table[where, 2]):
            first[row], second[row] = (offset_of(int(local[row]), self.zone, fold) for fold in (0, 1))
        return first, second


class _Passage:
    """Where one device's rows stand in an hour that occurs twice."""

    def __init__(self) -> None:
        self.last: int | None = None
        self.inside = False
        self._is_second = False

    def second(self, local: IndexArray, twice: BoolArray) -> BoolArray:
        """Return which of the device's next rows belong to the second passage."""
        result = np.zeros(len(local), dtype=np.bool_)
        edges = (np.flatnonzero(twice[1:] != twice[:-1]) + 1).tolist()
        for start, stop in pairwise([0, *edges, len(local)]):
            if twice[start]:
                before = int(local[start - 1]) if start else self.last
                goes_on = self.inside if start == 0 else False
                result[start:stop] = self._run(local[start:stop], before, goes_on=goes_on)
            self.inside = bool(twice[start])
        self.last = int(local[-1])
        return result

    def _run(self, run: IndexArray, before: int | None, *, goes_on: bool) -> BoolArray:
        if not goes_on and before is not None and before > run[0]:
            self._is_second = False
            return _steps_back(run[::-1], None)[::-1]
        switched = _steps_back(run, before if goes_on else None)
        if goes_on and self._is_second:
            switched[:] = True
        self._is_second = bool(switched[-1])
        return switched


def _steps_back(run: IndexArray, before: int | None) -> BoolArray:
    """Which rows of an ascending run come at or after the place where the clock was put back."""
    steps = np.diff(run, prepend=run[0] - 1 if before is None else before)
    back, again = np.flatnonzero(steps < 0), np.flatnonzero(steps == 0)
    result = np.zeros(len(run), dtype=np.bool_)
    if len(back):
        result[back[0] :] = True
    elif len(again) == 1:
        result[again[0] :] = True
    return result


def _rows_by_device(count: int, devices: TextArray | None) -> list[tuple[str, IndexArray]]:
    if devices is None:
        return [("", np.arange(count))]
    codes, where = np.unique(devices.astype(np.str_), return_inverse=True)
    return [(str(code), np.flatnonzero(where == number)) for number, code in enumerate(codes)]


def _quarter(start: int, zone: tzinfo) -> tuple[int, int, bool]:
    """The offsets in a quarter of an hour before and after a change, and whether they differ within it."""
    begin, end = start, start + _QUARTER - 1
    first, second = offset_of(begin, zone, 0), offset_of(begin, zone, 1)
    return first, second, (first, second) != (offset_of(end, zone, 0), offset_of(end, zone, 1))
