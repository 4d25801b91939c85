"""A block of raw rows becomes columns; rows with a bad cell are refused, the others kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from feature_service.domain.ingest.cell import CellReader
from feature_service.domain.ingest.local_time import LocalClock
from feature_service.domain.ingest.parsed_column import ParsedColumn
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.rounding import rounded_rows
from feature_service.domain.ingest.schema import FieldSchema
from feature_service.domain.ingest.timestamp_column import RawTimes, instants_of_cells
from feature_service.domain.ingest.unfit_text import refuse_unfit
from feature_service.domain.model.array import BoolArray, FloatArray, TextArray
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.series import FieldKind


@dataclass(frozen=True, slots=True, kw_only=True)
class RawBlock:
    """Rows as read: the line of each, its time cell, and the cells of each field; all of the same length.

    `devices` are the cells of the device column, None when all rows are of one device.
    """

    lines: Sequence[int]
    times: Sequence[Any]
    columns: Mapping[str, Sequence[Any]]
    devices: Sequence[Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowBlock:
    """Good rows in the order of the body, and the device of each when the body has several."""

    frame: Frame
    devices: TextArray | None = None

    def __len__(self) -> int:
        return len(self.frame)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockReading:
    """How the blocks of one body are read. `strict`: a body that would make a number field a text is refused."""

    cells: CellReader
    schema: FieldSchema
    clock: LocalClock
    rejections: Rejections
    strict: bool = True

    def conclude(self) -> None:
        """Tell of local times that occur twice; called when all blocks were read."""
        if self.clock.ambiguous:
            self.rejections.note(
                f"{self.clock.ambiguous} times are of an hour that occurs twice in {self.clock.zone}: rows were taken "
                "in their order, the first passage until time steps back; write times with their offset to be sure"
            )


def rows_of_block(block: RawBlock, reading: BlockReading) -> RowBlock:
    """Return the rows of the block whose every cell could be read, in the block's order.

    A field of unknown kind takes that of most of its values; one without any value is left undecided and out.
    Raises InvalidArgument FIELD_TYPE_CONFLICT when most values of a number field are texts, unless told not to.
    """
    bad: dict[int, str] = {}
    devices = None if block.devices is None else _devices(block.devices, bad)
    times = instants_of_cells(_raw_times(block.times, devices), reading.clock, bad)
    numbers: dict[str, FloatArray] = {}
    texts: dict[str, TextArray] = {}
    rounded: dict[str, list[int]] = {}
    for name, column in block.columns.items():
        kind = reading.schema.kind(name) or reading.cells.column_kind(name, column)
        if kind is FieldKind.NUMBER:
            numbers[name] = _numbers(name, column, reading, bad)
            rounded[name] = rounded_rows(numbers[name], _whole_numbers(column, reading.cells))
        elif kind is FieldKind.TEXT:
            texts[name] = _texts(name, column, reading.cells, bad)
        if kind is not None:
            reading.schema.learn(name, kind, guessed=reading.cells.guesses)
    for row in sorted(bad):
        reading.rejections.add(block.lines[row], bad[row])
    for name, rows in rounded.items():
        reading.rejections.add_rounded(name, sum(row not in bad for row in rows))
    frame = Frame(timestamps=times, numbers=numbers, texts=texts)
    if not bad:
        return RowBlock(frame=frame, devices=devices)
    keep = _all_but(len(times), bad)
    return RowBlock(frame=frame.where(keep), devices=None if devices is None else devices[keep])


def _raw_times(cells: Sequence[Any], devices: TextArray | None) -> RawTimes:
    parsed = cells.times if isinstance(cells, ParsedColumn) else None
    if parsed is None:
        return RawTimes(cells=cells, devices=devices)
    return RawTimes(cells=cells, devices=devices, micros=parsed.micros, is_local=parsed.is_local)


def _devices(cells: Sequence[Any], bad: dict[int, str]) -> TextArray:
    result = np.empty(len(cells), dtype=np.object_)
    given = cells.texts.tolist() if isinstance(cells, ParsedColumn) and cells.texts is not None else cells
    for row, cell in enumerate(given):
        result[row] = str(cell).strip() if isinstance(cell, str | int) and not isinstance(cell, bool) else ""
        if not result[row]:
            bad.setdefault(row, "the row names no device")
    return result


def _numbers(name: str, column: Sequence[Any], reading: BlockReading, bad: dict[int, str]) -> FloatArray:
    reader = reading.cells.numbers(name)
    try:
        values = np.array(reader.plain_numbers(column), dtype=np.float64)
        if np.isfinite(values).all():
            return values
    except (ValueError, TypeError, OverflowError):
        pass
    # The cells of a field that was known before are looked at only now: they tell a decimal comma, too.
    if reading.schema.is_known(name) and reading.cells.column_kind(name, column) is FieldKind.TEXT and reading.strict:
        raise reading.schema.conflict(name, column)
    reader = reading.cells.numbers(name)
    if (parsed := reader.parsed_numbers(column)) is not None:
        return parsed
    return np.array(_each(column, reader.number, np.nan, bad, prefix=f"{name}: "), dtype=np.float64)


def _whole_numbers(column: Sequence[Any], cells: CellReader) -> Callable[[int], int | None]:
    return lambda row: cells.whole_number(column[row])


def _texts(name: str, column: Sequence[Any], cells: CellReader, bad: dict[int, str]) -> TextArray:
    if isinstance(column, ParsedColumn) and column.texts is not None:
        result = column.texts
    else:
        result = np.empty(len(column), dtype=np.object_)
        result[:] = _each(column, cells.text, None, bad, prefix=f"{name}: ")
    refuse_unfit(name, result.tolist(), bad)
    return result


def _each(column: Sequence[Any], read: Callable[[Any], Any], blank: Any, bad: dict[int, str], prefix: str) -> list[Any]:
    values: list[Any] = []
    for row, cell in enumerate(column):
        try:
            values.append(read(cell))
        except ValueError as error:
            values.append(blank)
            bad.setdefault(row, f"{prefix}{error}")
    return values


def _all_but(rows: int, bad: dict[int, str]) -> BoolArray:
    keep = np.ones(rows, dtype=np.bool_)
    keep[list(bad)] = False
    return keep
