"""The time column of a record batch as instants."""

# pyright: reportAttributeAccessIssue=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyarrow has no type information.

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_service.adapters.body import arrow_type
from feature_service.domain.ingest.local_time import LocalClock
from feature_service.domain.ingest.timestamp_cell import outside_calendar
from feature_service.domain.ingest.timestamp_column import RawTimes, instants_of_cells
from feature_service.domain.model.array import BoolArray, IndexArray, TextArray, TimeArray
from feature_service.domain.model.span import END_MICROS, FIRST_MICROS
from penstock_kit.errors import InvalidArgument

_DAY: Final = 86_400_000_000
_PER_SECOND: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def instants_of(column: Any, clock: LocalClock, devices: TextArray | None, bad: dict[int, str]) -> TimeArray:
    """Return the instant of each row; `bad` is told why a row has none.

    Timestamps of any unit and dates (their midnight) are counts, local when they have no zone; digits beyond the
    microsecond are cut off. Texts and numbers are read as in other formats.
    """
    cells = arrow_type.plain(column)
    if arrow_type.kind_of(cells.type) is None and not pa.types.is_null(cells.type):
        raise InvalidArgument(
            f"the time column is of type {cells.type}; it must hold times, or texts or numbers that stand for them",
            reason="FIELD_TYPE_UNSUPPORTED",
        )
    for row in np.flatnonzero(cells.is_null().to_numpy(zero_copy_only=False)).tolist():
        bad.setdefault(row, "timestamp is missing")
    if not (pa.types.is_timestamp(cells.type) or pa.types.is_date(cells.type)):
        return instants_of_cells(RawTimes(cells=_listed(cells), devices=devices), clock, bad)
    micros, outside = _micros(cells)
    for row in np.flatnonzero(outside).tolist():
        bad.setdefault(row, outside_calendar(_shown(cells, row)))
    is_local = np.full(len(micros), pa.types.is_date(cells.type) or cells.type.tz is None)
    times = RawTimes(cells=cells, devices=devices, micros=np.where(outside, 0, micros), is_local=is_local)
    return instants_of_cells(times, clock, bad)


def _listed(cells: Any) -> list[Any]:
    if pa.types.is_decimal(cells.type):
        return [None if cell is None else str(cell) for cell in cells.to_pylist()]
    return cells.to_pylist()


def _micros(cells: Any) -> tuple[IndexArray, BoolArray]:
    """The counts of a column of times in microseconds, and which are so far away that they have none."""
    if pa.types.is_date32(cells.type):
        counts, per_second = pc.cast(cells, pa.int32()), None
    else:
        counts = pc.cast(cells, pa.int64())
        per_second = _PER_SECOND[cells.type.unit] if pa.types.is_timestamp(cells.type) else 1_000
    values = pc.fill_null(counts, 0).to_numpy(zero_copy_only=False).astype(np.int64)
    if per_second is None:
        factor, divisor = _DAY, 1
    else:
        factor, divisor = max(1, 1_000_000 // per_second), max(1, per_second // 1_000_000)
    outside = (values < (FIRST_MICROS - _DAY) // factor * divisor) | (values >= (END_MICROS + _DAY) // factor * divisor)
    return np.where(outside, 0, values) * factor // divisor, outside


def _shown(cells: Any, row: int) -> str:
    """A time that Python may have no value for."""
    return f"{pc.cast(cells[row], pa.int64() if not pa.types.is_date32(cells.type) else pa.int32()).as_py()}"
