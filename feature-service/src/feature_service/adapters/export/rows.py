"""Rows of a device as a file: Arrow (the form that pandas and polars call Feather and IPC) or CSV.

Missing values are null in Arrow and empty in CSV, where an empty text is quoted. Arrow has the units
of fields in their metadata.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportAttributeAccessIssue=false
# pyarrow has no type information.

import io
from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from feature_service.domain.query.telemetry_queries import History, RowsFormat

CONTENT_TYPES: Final = {
    RowsFormat.ARROW: "application/vnd.apache.arrow.file",
    RowsFormat.CSV: "text/csv; charset=utf-8",
}


class RowsWriter:
    """Writes the rows of a device block by block, in memory of a block; all blocks have the same fields."""

    def __init__(self, form: RowsFormat) -> None:
        self._form = form
        self._file = io.BytesIO()
        self._arrow: Any = None
        self._blocks = 0

    @property
    def content_type(self) -> str:
        """The media type of the file."""
        return CONTENT_TYPES[self._form]

    def write(self, history: History, /) -> bytes:
        """Return the bytes of the file that the next rows add."""
        table = _table(history, None)
        if self._form is RowsFormat.ARROW:
            if self._arrow is None:
                self._arrow = pa.ipc.new_file(pa.PythonFile(_Tail(self._file), mode="w"), table.schema)
            self._arrow.write_table(table)
        else:
            _write_csv(table, self._file, header=self._blocks == 0)
        self._blocks += 1
        return self._taken()

    def end(self) -> bytes:
        """Return the bytes that end the file."""
        if self._arrow is not None:
            self._arrow.close()
        return self._taken()

    def _taken(self) -> bytes:
        taken = self._file.getvalue()
        self._file.seek(0)
        self._file.truncate()
        return taken


class _Tail(io.RawIOBase):
    """A file of which what is written goes on into another one, which is emptied meanwhile: it tells its own length."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__()
        self._file = file
        self._length = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        count = self._file.write(data)
        self._length += count
        return count

    def tell(self) -> int:
        return self._length


def write_rows(history: History, form: RowsFormat, device_codes: Sequence[str] | None = None) -> bytes:
    """Return the rows as a file, `timestamp` in UTC first, then `device_code` where they are given."""
    table = _table(history, device_codes)
    file = io.BytesIO()
    if form is RowsFormat.ARROW:
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    else:
        _write_csv(table, file, header=True)
    return file.getvalue()


def _write_csv(table: Any, file: io.BytesIO, *, header: bool) -> None:
    times = pc.strftime(table.column(0).cast(pa.timestamp("us")), format="%Y-%m-%dT%H:%M:%SZ")
    options = csv.WriteOptions(include_header=header)
    csv.write_csv(table.set_column(0, table.field(0).name, times), file, options)


def _table(history: History, device_codes: Sequence[str] | None) -> Any:
    frame = history.frame
    times = pa.array(frame.timestamps.astype("int64")).cast(pa.timestamp("us", tz="UTC"))
    columns: dict[str, Any] = {
        **{name: pa.array(values, from_pandas=True) for name, values in frame.numbers.items()},
        **{name: pa.array(values.tolist(), type=pa.string()) for name, values in frame.texts.items()},
    }
    own = {"timestamp": times}
    if device_codes is not None:
        own["device_code"] = pa.array(device_codes, type=pa.string())
    fields = [pa.field(name, column.type) for name, column in own.items()]
    for name, column in columns.items():
        unit = history.units.get(name, "")
        # A field may be called as the times or devices are: it is then named as in JSON.
        shown = f"fields.{name}" if name in own else name
        fields.append(pa.field(shown, column.type, metadata={"unit": unit} if unit else None))
    metadata = {"penstock.truncated": "true" if history.truncated else "false"}
    return pa.table([*own.values(), *columns.values()], schema=pa.schema(fields, metadata=metadata))
