"""Rows merged with the stored ones of a wide table: column by column in this process, some hundred columns at a time.

One statement that joins and sorts thousands of text columns needs more than the memory that questions may use.
"""

# ruff: noqa: S608 - only names made in this package are written into statements

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from feature_service.adapters.column_catalog import SeriesTable
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.series import FieldKind

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_COLUMNS: Final = 500
"""Columns that are read at once."""
_CELLS: Final = 2_000_000
"""Cells that are held at once."""


def pieces(table: SeriesTable, rows: Frame) -> Sequence[Frame]:
    """Return the rows in parts that are merged one after another."""
    return list(rows.pieces(max(1, _CELLS // len(table.kinds))))


def merged(cursor: "DuckDBPyConnection", table: SeriesTable, rows: Frame, incoming: str) -> dict[str, Any]:
    """Return every column of the rows, registered as `incoming`: their own values, else those stored at their times."""
    columns: dict[str, Any] = {"ts": rows.timestamps}
    names = list(table.kinds)
    for start in range(0, len(names), _COLUMNS):
        part = names[start : start + _COLUMNS]
        listed = ", ".join(table.column(name) for name in part)
        query = f"SELECT ts, {listed} FROM {table.name} WHERE ts IN (SELECT ts FROM {incoming})"
        found = cursor.execute(query).fetchnumpy()
        where = np.searchsorted(rows.timestamps, found["ts"])
        for name in part:
            merge = _numbers if table.kinds[name] is FieldKind.NUMBER else _texts
            own: Any = rows.numbers.get(name)
            own = rows.texts.get(name) if own is None else own
            columns[table.column(name)] = merge(own, found[table.column(name)], where, len(rows))
    return columns


def _numbers(own: Any, stored: Any, where: Any, count: int) -> Any:
    values = np.full(count, np.nan)
    values[where] = np.ma.filled(stored, np.nan)
    return values if own is None else np.where(np.isnan(own), values, own)


def _texts(own: Any, stored: Any, where: Any, count: int) -> Any:
    known = np.array(np.ma.getdata(stored), dtype=np.object_)
    known[np.ma.getmaskarray(stored)] = None
    values = np.full(count, None, dtype=np.object_)
    values[where] = known
    return values if own is None else np.where([each is None for each in own], values, own)
