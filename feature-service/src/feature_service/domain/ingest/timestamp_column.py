"""The time cells of a block as instants, each checked against clock and calendar."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from feature_service.domain.ingest.local_time import LocalClock
from feature_service.domain.ingest.timestamp_cell import outside_calendar, read_time
from feature_service.domain.ingest.zone import nonexistent
from feature_service.domain.model.array import BoolArray, IndexArray, TextArray, TimeArray
from feature_service.domain.model.span import END_MICROS, FIRST_MICROS

_DAY: Final = 86_400_000_000
_PLAIN_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,6})?", re.ASCII).fullmatch


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RawTimes:
    """The time cells of a block, and the device of each row when there are several.

    `micros` are what the cells say in microseconds since the epoch, where `is_local` as local time; read from the
    cells when left out.
    """

    cells: Sequence[Any]
    devices: TextArray | None = None
    micros: IndexArray | None = None
    is_local: BoolArray | None = None


def instants_of_cells(times: RawTimes, clock: LocalClock, bad: dict[int, str]) -> TimeArray:
    """Return the instant of each row, any for the rows of which `bad` is told why they have none."""
    read, is_local = times.micros, times.is_local
    if read is None:
        read = _plain_times(times.cells)
        if read is None:
            read, is_local = _each_time(times.cells, bad)
    micros = _instants(read, is_local, times, clock, bad)
    outside = (micros < FIRST_MICROS) | (micros >= END_MICROS)
    if not outside.any():
        return micros.view("datetime64[us]")
    for row in np.flatnonzero(outside).tolist():
        bad.setdefault(row, outside_calendar(times.cells[row]))
    return np.where(outside, 0, micros).view("datetime64[us]")


def _plain_times(column: Sequence[Any]) -> IndexArray | None:
    """Most files: ISO 8601 without a zone, which NumPy reads twenty times faster; None for any other."""
    try:
        if all(map(_PLAIN_TIME, column)):
            return np.array(column, dtype="datetime64[us]").view(np.int64)
    except (ValueError, TypeError):
        pass
    return None


def _each_time(column: Sequence[Any], bad: dict[int, str]) -> tuple[IndexArray, BoolArray]:
    micros = np.zeros(len(column), dtype=np.int64)
    is_local = np.zeros(len(column), dtype=np.bool_)
    for row, cell in enumerate(column):
        try:
            value, is_local[row] = read_time(cell)
            if not FIRST_MICROS - _DAY <= value < END_MICROS + _DAY:
                raise ValueError(outside_calendar(cell))
            micros[row] = value
        except ValueError as error:
            bad.setdefault(row, str(error))
    return micros, is_local


def _instants(
    read: IndexArray, is_local: BoolArray | None, times: RawTimes, clock: LocalClock, bad: dict[int, str]
) -> IndexArray:
    if is_local is None:
        instants, missing = clock.instants(read, times.devices)
        rows = np.arange(len(read))
    else:
        rows = np.flatnonzero(is_local)
        instants, missing = clock.instants(read[rows], None if times.devices is None else times.devices[rows])
    for row in rows[missing].tolist():
        bad.setdefault(row, nonexistent(int(read[row]), clock.zone))
    if is_local is None:
        return instants
    result = read.copy()
    result[rows] = instants
    return result
