"""A block of raw rows becomes columns; rows with a bad cell are refused, the others kept."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from itertools import islice
from typing import Any, Final

import numpy as np

from feature_service.domain.array import BoolArray, FloatArray, TextArray, TimeArray
from feature_service.domain.frame import Frame
from feature_service.domain.ingest.cell import CellReader, parse_time
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.schema import FieldSchema
from feature_service.domain.telemetry import FieldKind

_SAMPLE: Final = 1000
_PLAIN_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,6})?").fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class RawBlock:
    """Rows as read: the line of each, its time cell, and the cells of each field; all of the same length."""

    lines: Sequence[int]
    times: Sequence[Any]
    columns: Mapping[str, Sequence[Any]]


def frame_of_block(
    block: RawBlock, *, cells: CellReader, schema: FieldSchema, zone: tzinfo, rejections: Rejections
) -> Frame:
    """Return the rows of the block whose every cell could be read, in the block's order.

    A field of unknown kind takes that of most of its values; one without any value is left undecided and out.
    """
    bad: dict[int, str] = {}
    times = _times(block.times, zone, bad)
    numbers: dict[str, FloatArray] = {}
    texts: dict[str, TextArray] = {}
    for field, column in block.columns.items():
        kind = schema.kind(field) or _majority(column, cells)
        if kind is FieldKind.NUMBER:
            numbers[field] = _numbers(field, column, cells, bad)
        elif kind is FieldKind.TEXT:
            texts[field] = _texts(field, column, cells, bad)
        if kind is not None:
            schema.learn(field, kind)
    for row in sorted(bad):
        rejections.add(block.lines[row], bad[row])
    frame = Frame(timestamps=times, numbers=numbers, texts=texts)
    return frame if not bad else frame.where(_all_but(len(times), bad))


def _times(column: Sequence[Any], zone: tzinfo, bad: dict[int, str]) -> TimeArray:
    if zone is UTC:
        try:
            # Most files: ISO 8601 without a zone, which NumPy reads twenty times faster.
            if all(map(_PLAIN_TIME, column)):
                return np.array(column, dtype="datetime64[us]")
        except (ValueError, TypeError):
            pass
    micros = _each(column, lambda cell: parse_time(cell, zone), 0, bad)
    return np.array(micros, dtype=np.int64).view("datetime64[us]")


def _numbers(field: str, column: Sequence[Any], cells: CellReader, bad: dict[int, str]) -> FloatArray:
    try:
        values = np.array(cells.plain_numbers(column), dtype=np.float64)
        if np.isfinite(values).all():
            return values
    except (ValueError, TypeError, OverflowError):
        pass
    return np.array(_each(column, cells.number, np.nan, bad, prefix=f"{field}: "), dtype=np.float64)


def _texts(field: str, column: Sequence[Any], cells: CellReader, bad: dict[int, str]) -> TextArray:
    result = np.empty(len(column), dtype=np.object_)
    result[:] = _each(column, cells.text, None, bad, prefix=f"{field}: ")
    return result


def _each(
    column: Sequence[Any], read: Callable[[Any], Any], blank: Any, bad: dict[int, str], prefix: str = ""
) -> list[Any]:
    values: list[Any] = []
    for row, cell in enumerate(column):
        try:
            values.append(read(cell))
        except ValueError as error:
            values.append(blank)
            bad.setdefault(row, f"{prefix}{error}")
    return values


def _majority(column: Sequence[Any], cells: CellReader) -> FieldKind | None:
    kinds = list(islice((kind for kind in map(cells.kind, column) if kind is not None), _SAMPLE))
    if not kinds:
        return None
    return FieldKind.NUMBER if 2 * kinds.count(FieldKind.NUMBER) >= len(kinds) else FieldKind.TEXT


def _all_but(rows: int, bad: Mapping[int, str]) -> BoolArray:
    keep = np.ones(rows, dtype=np.bool_)
    keep[list(bad)] = False
    return keep
