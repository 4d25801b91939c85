"""Arrow IPC and Parquet bodies, batch by batch, through pyarrow."""

# pyright: reportAttributeAccessIssue=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyarrow has no type information.

from collections.abc import Iterator
from datetime import UTC, tzinfo
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc
import pyarrow.parquet

from feature_service.domain.array import BoolArray, FloatArray, TextArray, TimeArray
from feature_service.domain.frame import Frame
from feature_service.domain.ingest.cell import parse_time
from feature_service.domain.ingest.plan import BodyTarget, IngestPlan
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.schema import FieldSchema
from feature_service.domain.ingest.time_column import find_time_column
from feature_service.domain.telemetry import FieldKind
from penstock_kit.errors import InvalidArgument

_BATCH_ROWS: Final = 100_000
_FILE_MAGIC: Final = b"ARROW1"


class ArrowReader:
    """Reads the Arrow IPC file format and the stream format, told apart by the file's first bytes."""

    def target(self, body: IO[bytes]) -> BodyTarget:
        """Return nothing: the codes come with the request."""
        return BodyTarget()

    def rows(self, body: IO[bytes], plan: IngestPlan, schema: FieldSchema, rejections: Rejections) -> Iterator[Frame]:
        """Yield a frame per record batch."""
        try:
            is_file = body.read(len(_FILE_MAGIC)) == _FILE_MAGIC
            body.seek(0)
            if is_file:
                opened = pyarrow.ipc.open_file(body)
                batches = (opened.get_batch(index) for index in range(opened.num_record_batches))
            else:
                batches = iter(pyarrow.ipc.open_stream(body))
            yield from _frames(batches, plan, schema, rejections)
        except pa.ArrowException as error:
            raise _malformed("Arrow IPC", error) from None


class ParquetReader:
    """Reads Parquet files."""

    def target(self, body: IO[bytes]) -> BodyTarget:
        """Return nothing: the codes come with the request."""
        return BodyTarget()

    def rows(self, body: IO[bytes], plan: IngestPlan, schema: FieldSchema, rejections: Rejections) -> Iterator[Frame]:
        """Yield a frame per batch of rows."""
        try:
            yield from _frames(pyarrow.parquet.ParquetFile(body).iter_batches(_BATCH_ROWS), plan, schema, rejections)
        except pa.ArrowException as error:
            raise _malformed("Parquet", error) from None


def _frames(batches: Iterator[Any], plan: IngestPlan, schema: FieldSchema, rejections: Rejections) -> Iterator[Frame]:
    done = 0
    for batch in batches:
        names = list(batch.schema.names)
        time_name = find_time_column(names, plan.timestamp_column)
        schema.require(name for name in names if name != time_name)
        yield _frame(batch, time_name, plan.zone, schema, _Refusals(rejections, done, batch.num_rows))
        done += batch.num_rows


class _Refusals:
    """The rows of a batch that are refused, each once, with their index in the whole body."""

    def __init__(self, rejections: Rejections, before: int, rows: int) -> None:
        self._rejections = rejections
        self._before = before
        self.keep = np.ones(rows, dtype=np.bool_)

    def refuse(self, wrong: BoolArray, reason: str) -> None:
        """Refuse the rows where `wrong`."""
        for row in np.flatnonzero(wrong & self.keep):
            self._rejections.add(self._before + int(row) + 1, reason)
        self.keep &= ~wrong


def _frame(batch: Any, time_name: str, zone: tzinfo, schema: FieldSchema, refusals: _Refusals) -> Frame:
    times = _times(batch.column(time_name), zone, refusals)
    numbers: dict[str, FloatArray] = {}
    texts: dict[str, TextArray] = {}
    for name in batch.schema.names:
        column = batch.column(name)
        if name == time_name or column.null_count == len(column):
            continue
        kind = _kind(name, column.type, schema)
        if kind is FieldKind.NUMBER:
            numbers[name] = _numbers(name, column, refusals)
        else:
            texts[name] = np.array(pc.cast(column, pa.string()).to_pylist(), dtype=np.object_)
        schema.learn(name, kind)
    return Frame(timestamps=times, numbers=numbers, texts=texts).where(refusals.keep)


def _kind(name: str, column_type: Any, schema: FieldSchema) -> FieldKind:
    value_type = column_type.value_type if pa.types.is_dictionary(column_type) else column_type
    if pa.types.is_string(value_type) or pa.types.is_large_string(value_type):
        kind = FieldKind.TEXT
    elif (
        pa.types.is_integer(value_type)
        or pa.types.is_floating(value_type)
        or pa.types.is_decimal(value_type)
        or pa.types.is_boolean(value_type)
    ):
        kind = FieldKind.NUMBER
    else:
        raise InvalidArgument(
            f"column {name!r} is of type {column_type}; a field holds numbers, truth values or strings",
            reason="FIELD_TYPE_UNSUPPORTED",
        )
    known = schema.kind(name)
    if known not in {None, kind}:
        raise InvalidArgument(
            f"field {name!r} holds {known}s, the column is of type {column_type}", reason="FIELD_TYPE_CONFLICT"
        )
    return kind


def _numbers(name: str, column: Any, refusals: _Refusals) -> FloatArray:
    plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    values = pc.fill_null(pc.cast(plain, pa.float64(), safe=False), np.nan).to_numpy(zero_copy_only=False)
    refusals.refuse(np.isinf(values), f"{name}: the value is not finite")
    return values.astype(np.float64, copy=False)


def _times(column: Any, zone: tzinfo, refusals: _Refusals) -> TimeArray:
    missing = column.is_null().to_numpy(zero_copy_only=False)
    refusals.refuse(missing, "timestamp is missing")
    if not pa.types.is_timestamp(column.type):
        return _parsed_times(column.to_pylist(), zone, refusals)
    if column.type.tz is None and zone is not UTC:
        column = pc.assume_timezone(column, str(zone), ambiguous="earliest", nonexistent="earliest")
    micros = pc.fill_null(pc.cast(pc.cast(column, pa.timestamp("us"), safe=False), pa.int64()), 0)
    return micros.to_numpy(zero_copy_only=False).astype(np.int64).view("datetime64[us]")


def _parsed_times(cells: list[Any], zone: tzinfo, refusals: _Refusals) -> TimeArray:
    micros = np.zeros(len(cells), dtype=np.int64)
    for row, cell in enumerate(cells):
        try:
            micros[row] = 0 if cell is None else parse_time(cell, zone)
        except ValueError as error:
            refusals.refuse(np.arange(len(cells)) == row, str(error))
    return micros.view("datetime64[us]")


def _malformed(what: str, error: Exception) -> InvalidArgument:
    return InvalidArgument(f"the body is not readable as {what}: {error}", reason="MALFORMED_BODY")
