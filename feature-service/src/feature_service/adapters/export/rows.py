"""Rows of a device as a file: Arrow (the form that pandas and polars call Feather and IPC) or CSV.

Missing values are null in Arrow and empty in CSV, where an empty text is quoted. Arrow has the units
of fields in their metadata.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportAttributeAccessIssue=false
# pyarrow has no type information.

import io
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from feature_service.domain.query.telemetry_queries import History, RowsFormat

CONTENT_TYPES: Final = {
    RowsFormat.ARROW: "application/vnd.apache.arrow.file",
    RowsFormat.CSV: "text/csv; charset=utf-8",
}


def write_rows(history: History, form: RowsFormat) -> bytes:
    """Return the rows as a file, `timestamp` in UTC first."""
    table = _table(history)
    file = io.BytesIO()
    if form is RowsFormat.ARROW:
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    else:
        times = pc.strftime(table.column(0).cast(pa.timestamp("us")), format="%Y-%m-%dT%H:%M:%SZ")
        csv.write_csv(table.set_column(0, table.field(0).name, times), file)
    return file.getvalue()


def _table(history: History) -> Any:
    frame = history.frame
    times = pa.array(frame.timestamps.astype("int64")).cast(pa.timestamp("us", tz="UTC"))
    columns: dict[str, Any] = {
        **{name: pa.array(values, from_pandas=True) for name, values in frame.numbers.items()},
        **{name: pa.array(values.tolist(), type=pa.string()) for name, values in frame.texts.items()},
    }
    fields = [pa.field("timestamp", times.type)]
    for name, column in columns.items():
        unit = history.units.get(name, "")
        # A field may be called as the times are: it is then named as in JSON.
        shown = f"fields.{name}" if name == "timestamp" else name
        fields.append(pa.field(shown, column.type, metadata={"unit": unit} if unit else None))
    metadata = {"penstock.truncated": "true" if history.truncated else "false"}
    return pa.table([times, *columns.values()], schema=pa.schema(fields, metadata=metadata))
