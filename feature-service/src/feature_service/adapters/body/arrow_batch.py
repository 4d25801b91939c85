"""A record batch as rows: which column is what, texts, and which rows are refused."""

# pyright: reportAttributeAccessIssue=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyarrow has no type information.

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_service.adapters.body import arrow_type
from feature_service.adapters.body.arrow_time import instants_of
from feature_service.adapters.body.csv_table import find_device_column
from feature_service.domain.ingest.block import BlockReading, RowBlock
from feature_service.domain.ingest.cell import JsonCells
from feature_service.domain.ingest.local_time import LocalClock
from feature_service.domain.ingest.plan import IngestPlan
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.rounding import rounded_rows, whole_of
from feature_service.domain.ingest.schema import FieldSchema
from feature_service.domain.ingest.time_column import find_time_column
from feature_service.domain.ingest.unfit_text import refuse_unfit
from feature_service.domain.model.array import BoolArray, FloatArray, TextArray
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.series import FieldKind
from penstock_kit.errors import InvalidArgument

BATCH_ROWS: Final = 125_000
"""Rows that are read at once: a little more than a row group of DuckDB has."""
_INDEX: Final = re.compile(r"__index_level_\d+__").fullmatch
_NO_DEVICE: Final = "the row names no device"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    time: str
    device: str
    fields: tuple[str, ...]


def device_codes(batches: Iterator[Any], plan: IngestPlan) -> frozenset[str]:
    """Return the codes in the device column of all batches."""
    found: set[str] = set()
    for batch in batches:
        columns = _columns(batch, plan, Rejections())
        found.update(filter(None, pc.unique(_texts(batch.column(columns.device))).to_pylist()))
    return frozenset(code.strip() for code in found) - {""}


class BatchReading:
    """Reads the batches of one body."""

    def __init__(self, plan: IngestPlan, schema: FieldSchema, rejections: Rejections) -> None:
        self._plan = plan
        self._schema = schema
        self._rejections = rejections
        self._clock = LocalClock(plan.zone)
        self._rows = 0

    def blocks(self, batches: Iterator[Any]) -> Iterator[RowBlock]:
        """Yield the good rows of each batch, of a large one in pieces."""
        for batch in batches:
            for start in range(0, max(1, batch.num_rows), BATCH_ROWS):
                piece = batch.slice(start, BATCH_ROWS)
                yield self._block(piece)
                self._rows += piece.num_rows
        BlockReading(cells=JsonCells(), schema=self._schema, clock=self._clock, rejections=self._rejections).conclude()

    def _block(self, batch: Any) -> RowBlock:
        columns = _columns(batch, self._plan, self._rejections)
        self._schema.require(columns.fields)
        bad: dict[int, str] = {}
        devices = _devices(batch.column(columns.device), bad) if columns.device else None
        times = instants_of(batch.column(columns.time), self._clock, devices, bad)
        numbers: dict[str, FloatArray] = {}
        texts: dict[str, TextArray] = {}
        rounded: dict[str, list[int]] = {}
        for name in columns.fields:
            column = arrow_type.plain(batch.column(name))
            if column.null_count == len(column):
                continue
            kind = self._kind(name, column)
            if kind is FieldKind.NUMBER:
                numbers[name] = _numbers(name, column, bad)
                if pa.types.is_integer(column.type) or pa.types.is_decimal(column.type):
                    rounded[name] = rounded_rows(numbers[name], _whole_numbers(column))
            else:
                texts[name] = _text_array(column)
                refuse_unfit(name, texts[name].tolist(), bad)
            self._schema.learn(name, kind)
        for name, places in rounded.items():
            self._rejections.add_rounded(name, sum(place not in bad for place in places))
        rows = RowBlock(frame=Frame(timestamps=times, numbers=numbers, texts=texts), devices=devices)
        return self._without(rows, bad)

    def _kind(self, name: str, column: Any) -> FieldKind:
        kind = arrow_type.kind_of(column.type)
        if kind is None:
            raise InvalidArgument(
                f"column {name!r} is of type {column.type}; a field holds numbers, truth values, texts or times: "
                f"change it, or leave it out with ignore_columns={name}",
                reason="FIELD_TYPE_UNSUPPORTED",
                metadata={"field": name},
            )
        known = self._schema.kind(name)
        if known not in {None, kind}:
            raise InvalidArgument(
                f"field {name!r} holds {known}s, the column is of type {column.type}",
                reason="FIELD_TYPE_CONFLICT",
                metadata={"field": name},
            )
        return kind

    def _without(self, rows: RowBlock, bad: Mapping[int, str]) -> RowBlock:
        if not bad:
            return rows
        keep = np.ones(len(rows), dtype=np.bool_)
        for row in sorted(bad):
            self._rejections.add(self._rows + row + 1, bad[row])
            keep[row] = False
        return RowBlock(frame=rows.frame.where(keep), devices=None if rows.devices is None else rows.devices[keep])


def _columns(batch: Any, plan: IngestPlan, rejections: Rejections) -> _Columns:
    names = [name for name in batch.schema.names if name not in plan.ignored]
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice or "" in names:
        wrong = f"column {twice[0]!r} appears more than once" if twice else "a column has no name"
        raise InvalidArgument(f"the body's schema is wrong: {wrong}", reason="BODY_INVALID")
    time = _time_column(batch, names, plan.timestamp_column)
    device = find_device_column(names, plan.device_column)
    fields = [name for name in names if name not in {time, device}]
    index = [name for name in fields if _INDEX(name)]
    if index:
        rejections.note(f"{', '.join(index)} was left out, as an index")
    return _Columns(time=time, device=device, fields=tuple(name for name in fields if name not in index))


def _time_column(batch: Any, names: Sequence[str], asked: str) -> str:
    """The time column; one that is not named so is the index, if that holds times."""
    for name in names:
        if not asked and _INDEX(name) and pa.types.is_timestamp(batch.column(name).type):
            return name
    return find_time_column(names, asked)


def _devices(column: Any, bad: dict[int, str]) -> TextArray:
    result = _text_array(_texts(column))
    for row, code in enumerate(result.tolist()):
        result[row] = (code or "").strip()
        if not result[row]:
            bad.setdefault(row, _NO_DEVICE)
    return result


def _texts(column: Any) -> Any:
    plain = arrow_type.plain(column)
    if not (arrow_type.is_text(plain.type) or pa.types.is_integer(plain.type)):
        raise InvalidArgument(
            f"the device column is of type {plain.type}; it must hold the codes of devices as texts",
            reason="DEVICE_COLUMN_INVALID",
        )
    return pc.cast(plain, pa.string())


def _text_array(column: Any) -> TextArray:
    result = np.empty(len(column), dtype=np.object_)
    # As in every other format, the empty text is a missing one.
    result[:] = [text or None for text in arrow_type.as_texts(column)]
    return result


def _numbers(name: str, column: Any, bad: dict[int, str]) -> FloatArray:
    values = arrow_type.as_numbers(column)
    infinite: BoolArray = np.isinf(values)
    for row in np.flatnonzero(infinite).tolist():
        bad.setdefault(row, f"{name}: the value is not finite")
    return values


def _whole_numbers(column: Any) -> Callable[[int], int | None]:
    return lambda row: whole_of(column[row].as_py())
