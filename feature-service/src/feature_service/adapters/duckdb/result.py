"""What a query fetched, as frames."""

# pyright: reportUnknownMemberType=false
# pyarrow has no type information.

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from feature_service.domain.model.array import FloatArray, TextArray
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.series import FieldKind

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from feature_service.adapters.duckdb.telemetry_sql import Statement


def empty_frame(fields: Sequence[str]) -> Frame:
    """Return no rows of number fields."""
    return Frame(
        timestamps=np.empty(0, dtype="datetime64[us]"), numbers={name: np.empty(0, dtype=np.float64) for name in fields}
    )


_FEW_VALUES: Final = 200_000
"""So many values are fetched in 2 ms, in which nobody is answered: for them Arrow is not loaded."""


def read_rows(
    cursor: "DuckDBPyConnection",
    statement: "Statement",
    fields: Sequence[str],
    kinds: Mapping[str, FieldKind],
    *,
    rows: int,
) -> Frame:
    """Return the rows of a statement (the time first, then c0, c1 … for the fields), in ascending order of time.

    Of about so many `rows`, many are fetched by way of Arrow, which lets go of the interpreter meanwhile: `fetchnumpy`
    holds it for 10 ms for each 100,000 rows of ten columns, in which nobody is answered, and takes twice as long. A
    service that reads few at once is spared Arrow's 50 MB.
    """
    if rows * (1 + len(fields)) <= _FEW_VALUES:
        columns = cursor.execute(statement.text, statement.values).fetchnumpy()
    else:
        table = cursor.sql(statement.text, params=list(statement.values)).to_arrow_table()
        columns = {name: _column(table, place) for place, name in enumerate(table.column_names)}
    return in_order_of_time(frame_of_columns(columns, fields, kinds))


def _column(table: Any, place: int) -> Any:
    """One column in memory of its own, NaN or None where there is no value."""
    values = table.column(place).to_numpy()
    return values if values.flags.writeable else values.copy()


def frame_of_columns(columns: Mapping[str, Any], fields: Sequence[str], kinds: Mapping[str, FieldKind]) -> Frame:
    """Return the fetched columns (the time first, then c0, c1 … for the fields), in the order fetched."""
    timestamps = next(iter(columns.values()))
    numbers: dict[str, FloatArray] = {}
    texts: dict[str, TextArray] = {}
    for index, name in enumerate(fields):
        values = columns[f"c{index}"]
        if kinds.get(name) is FieldKind.TEXT and values.dtype == np.object_:
            texts[name] = np.array(np.ma.getdata(values))
            texts[name][np.ma.getmaskarray(values)] = None
        else:
            numbers[name] = np.asarray(np.ma.filled(values, np.nan), dtype=np.float64)
    return Frame(timestamps=np.asarray(timestamps, dtype="datetime64[us]"), numbers=numbers, texts=texts)


def in_order_of_time(frame: Frame) -> Frame:
    """Return the rows in ascending order of time; late rows were stored after those they belong before."""
    times = frame.timestamps
    if bool((times[1:] > times[:-1]).all()):
        return frame
    order = np.argsort(times, kind="stable")
    return Frame(
        timestamps=times[order],
        numbers={name: values[order] for name, values in frame.numbers.items()},
        texts={name: values[order] for name, values in frame.texts.items()},
    )
