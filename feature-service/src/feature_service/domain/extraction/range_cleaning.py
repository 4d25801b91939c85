"""Rows of a long range treated where and when they are needed, as :func:`clean_rows` treats the whole range.

Only what is asked for is in memory: the rows may lie on the disk. What is filled beside a border takes the next value
that is there on the other side of it, however far away. `drop` keeps the places of the rows it leaves, 8 bytes each.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from feature_service.domain.extraction.extract import CleanRows, clean_rows
from feature_service.domain.model.array import FloatArray, IndexArray, TimeArray
from feature_service.domain.model.frame import Frame
from feature_service.domain.preprocessing.method import MissingMethod
from feature_service.domain.preprocessing.missing import MissingFill, any_missing
from feature_service.domain.preprocessing.outlier import OutlierFilter

_PIECE: Final = 250_000
"""Rows that are looked at at once."""


@dataclass(slots=True)
class _Known:
    """What was found of a field beside a place: no value between it and `found`; None: none to that end."""

    place: int
    found: int | None


class CleanRange:
    """The treated rows of a range, which are given in slices that ascend."""

    def __init__(self, frame: Frame, outlier_filter: OutlierFilter, missing_fill: MissingFill) -> None:
        self._frame = frame
        self._filter = outlier_filter
        self._fill = missing_fill
        self._before: dict[str, _Known] = {}
        self._behind: dict[str, _Known] = {}
        self._places = self._whole_rows() if missing_fill.method is MissingMethod.DROP else None

    def __len__(self) -> int:
        return len(self._frame) if self._places is None else len(self._places)

    @property
    def times(self) -> TimeArray:
        """When the rows are, that are left."""
        times = self._frame.timestamps
        return times if self._places is None else times[self._places]

    def original(self, inside: slice) -> "slice | IndexArray":
        """Return which rows of the range the rows of a slice are."""
        return inside if self._places is None else self._places[inside]

    def cut(self, inside: slice) -> CleanRows:
        """Return the rows of a slice, as if they were all there ever were."""
        if self._places is not None:
            places = self._places[inside]
            around = slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(0, 0)
            clean = clean_rows(self._frame.cut(around), self._filter, self._fill)
            return CleanRows(frame=clean.frame, absent=clean.absent, kept=np.ones(len(places), dtype=np.bool_))
        rows = self._frame.cut(inside)
        numbers = {name: self._filled(name, values, rows, inside) for name, values in rows.numbers.items()}
        return CleanRows(
            frame=rows.with_numbers(numbers),
            absent={name: np.isnan(values) for name, values in rows.numbers.items()},
            kept=np.ones(len(rows), dtype=np.bool_),
        )

    def _whole_rows(self) -> IndexArray | None:
        """The places of the rows that lack nothing; None where that is all."""
        found: list[IndexArray] = []
        for start in range(0, len(self._frame), _PIECE):
            rows = self._frame.cut(slice(start, start + _PIECE))
            kept = ~any_missing(rows.with_numbers(self._filter.apply(rows.numbers)))
            found.append(start + np.flatnonzero(kept))
        places = np.concatenate(found) if found else np.empty(0, dtype=np.int64)
        return None if len(places) == len(self._frame) else places

    def _filled(self, name: str, values: FloatArray, rows: Frame, inside: slice) -> FloatArray:
        fenced = self._filter.apply({name: values})[name]
        missing = np.isnan(fenced)
        if not missing.any():
            return fenced
        beside: list[int | None] = []
        if self._fill.method is not MissingMethod.NONE and name not in self._fill.constants:
            beside = [self._place_before(name, inside.start), self._place_behind(name, inside.start + len(values))]
        first, last = (np.array([] if place is None else [place], dtype=np.int64) for place in beside or (None, None))
        times, column = self._frame.timestamps, self._frame.numbers[name]
        beyond = [self._fenced(name, column[places]) for places in (first, last)]
        padded = Frame(
            timestamps=np.concatenate((times[first], rows.timestamps, times[last])),
            numbers={name: np.concatenate((beyond[0], fenced, beyond[1]))},
        )
        return self._fill.apply(padded).numbers[name][len(first) : len(first) + len(values)]

    def _fenced(self, name: str, values: FloatArray) -> FloatArray:
        return self._filter.apply({name: values})[name]

    def _place_before(self, name: str, start: int) -> int | None:
        """The last place before `start` with a value of the field."""
        known = self._before.get(name)
        least = known.place if known is not None and known.place <= start else 0
        for stop in range(start, least, -_PIECE):
            begin = max(least, stop - _PIECE)
            there = np.flatnonzero(~np.isnan(self._fenced(name, self._frame.numbers[name][begin:stop])))
            if len(there):
                self._before[name] = _Known(start, begin + int(there[-1]))
                return begin + int(there[-1])
        found = known.found if known is not None and least else None
        self._before[name] = _Known(start, found)
        return found

    def _place_behind(self, name: str, stop: int) -> int | None:
        """The first place from `stop` on with a value of the field."""
        known = self._behind.get(name)
        if known is not None and known.place <= stop and (known.found is None or known.found >= stop):
            return known.found
        found: int | None = None
        for begin in range(stop, len(self._frame), _PIECE):
            piece = self._frame.numbers[name][begin : begin + _PIECE]
            there = np.flatnonzero(~np.isnan(self._fenced(name, piece)))
            if len(there):
                found = begin + int(there[0])
                break
        self._behind[name] = _Known(stop, found)
        return found
