"""Many new rows of a series, given to DuckDB as one table of Arrow: it compresses that on every core.

What it stores of NumPy's arrays, or of pieces smaller than its row groups, it compresses on one.
"""

# ruff: noqa: S608 - only names made in this package are written into statements
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyarrow has no type information.

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from feature_service.adapters.column_catalog import SeriesTable
from feature_service.domain.model.series import SeriesKey

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from feature_service.domain.model.frame import Frame

LARGE: Final = 122_880
"""Rows from which on they are stored so: those of one of DuckDB's row groups."""
_MOST_CELLS: Final = 4_000_000
"""Cells that are put together: they are copied for that."""
_INCOMING: Final = "penstock_many"


def grouped(parts: "Iterable[tuple[SeriesKey, Frame]]") -> "Iterator[tuple[SeriesKey, list[Frame]]]":
    """Yield frames that follow one another together: of one series, of the same columns, each later than the last."""
    group: list[Frame] = []
    key: SeriesKey | None = None
    for each, rows in parts:
        if not len(rows):
            continue
        if key is not None and (key != each or not _follows(group, rows)):
            yield key, group
            group = []
        key = each
        group.append(rows)
    if key is not None:
        yield key, group


def insert_rows(cursor: "DuckDBPyConnection", table: SeriesTable, frames: "Sequence[Frame]") -> None:
    """Store frames that follow one another and whose times the table has not."""
    columns = table.columns
    first = frames[0]
    cursor.register(_INCOMING, _arrow(columns, frames))
    names = ", ".join(("ts", *(columns[name] for name in (*first.numbers, *first.texts))))
    cursor.execute(f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {_INCOMING}")
    cursor.unregister(_INCOMING)


def _follows(group: "Sequence[Frame]", rows: "Frame") -> bool:
    last = group[-1]
    return (
        _cells(rows) + sum(map(_cells, group)) <= _MOST_CELLS
        and rows.numbers.keys() == last.numbers.keys()
        and rows.texts.keys() == last.texts.keys()
        and bool(rows.timestamps[0] > last.timestamps[-1])
    )


def _cells(rows: "Frame") -> int:
    return len(rows) * (1 + len(rows.numbers) + len(rows.texts))


def _arrow(columns: Mapping[str, str], frames: "Sequence[Frame]") -> Any:
    import pyarrow as pa

    def table(rows: "Frame") -> Any:
        # NaN is a missing value, as everywhere in a frame.
        numbers = {
            columns[name]: pa.array(values, pa.float64(), from_pandas=True) for name, values in rows.numbers.items()
        }
        texts = {columns[name]: pa.array(values, pa.string()) for name, values in rows.texts.items()}
        return pa.table({"ts": pa.array(rows.timestamps), **numbers, **texts})

    tables = [table(rows) for rows in frames]
    if len(tables) == 1:
        return tables[0]
    first = tables[0].column_names
    joined = pa.concat_tables([each.select(first) for each in tables])
    return joined if min(map(len, frames)) >= LARGE else joined.combine_chunks()
