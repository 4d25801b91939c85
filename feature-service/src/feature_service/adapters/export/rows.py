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


def write_rows(history: History, form: RowsFormat, device_codes: Sequence[str] | None = None) -> bytes:
    """Return the rows as a file, `timestamp` in UTC first, then `device_code` where they are given."""
    table = _table(history, device_codes)
    file = io.BytesIO()
    if form is RowsFormat.ARROW:
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    else:
        times = pc.strftime(table.column(0).cast(pa.timestamp("us")), format="%Y-%m-%dT%H:%M:%SZ")
        csv.write_csv(table.set_column(0, table.field(0).name, times), file)
    return file.getvalue()


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
