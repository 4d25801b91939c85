"""Rows merged with the stored ones of a series: by one statement, in pieces where the table is wide."""

# ruff: noqa: S608 - only names made in this package are written into statements

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from feature_service.adapters.column_catalog import SeriesTable
from feature_service.adapters.duckdb.large_insert import LARGE, insert_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from feature_service.domain.model.frame import Frame

_MERGE: Final = "penstock_incoming"
_WIDE: Final = 500
"""Columns above which rows are merged in pieces."""


def store_rows(cursor: "DuckDBPyConnection", table: SeriesTable, frames: "Sequence[Frame]") -> None:
    """Store frames that follow one another, each as :func:`merge_rows` does."""
    if sum(map(len, frames)) >= LARGE and not _overlaps(cursor, table, frames[0], frames[-1]):
        insert_rows(cursor, table, frames)
        return
    for rows in frames:
        merge_rows(cursor, table, rows)


def merge_rows(cursor: "DuckDBPyConnection", table: SeriesTable, rows: "Frame") -> None:
    """Store `rows` in a table that has their columns: a field they do not bring keeps the value stored at its time."""
    columns = table.columns
    given = {columns[name]: values for name, values in (*rows.numbers.items(), *rows.texts.items())}
    cursor.register(_MERGE, {"ts": rows.timestamps, **given})
    names = ", ".join(("ts", *given))
    overlaps = _overlaps(cursor, table, rows, rows)
    if overlaps and len(columns) > _WIDE:
        _merge_wide(cursor, table, rows)
        return
    if overlaps:
        # Fields the rows do not bring, and missing values of those they do, are taken from the stored row.
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE stored AS {_stored(table)}")
        cursor.execute(f"DELETE FROM {table.name} WHERE ts IN (SELECT ts FROM stored)")
        merged = ", ".join(
            f"coalesce(i.{column}, s.{column})" if column in given else f"s.{column}" for column in columns.values()
        )
        every = ", ".join(("ts", *columns.values()))
        cursor.execute(
            f"INSERT INTO {table.name} ({every}) SELECT i.ts, {merged} "
            f"FROM {_MERGE} AS i LEFT JOIN stored AS s ON s.ts = i.ts ORDER BY i.ts"
        )
        cursor.execute("DROP TABLE stored")
    else:
        cursor.execute(f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {_MERGE}")
    # Not after a failure: that would be refused and hide why. The cursor is closed then, and takes it along.
    cursor.unregister(_MERGE)


def _merge_wide(cursor: "DuckDBPyConnection", table: SeriesTable, rows: "Frame") -> None:
    from feature_service.adapters.duckdb.wide_merge import merged, pieces

    every = ", ".join(("ts", *table.columns.values()))
    for piece in pieces(table, rows):
        cursor.register(_MERGE, {"ts": piece.timestamps})
        columns = merged(cursor, table, piece, _MERGE)
        cursor.execute(f"DELETE FROM {table.name} WHERE ts IN (SELECT ts FROM {_MERGE})")
        cursor.register(_MERGE, columns)
        cursor.execute(f"INSERT INTO {table.name} ({every}) SELECT {every} FROM {_MERGE}")
    cursor.unregister(_MERGE)


def _overlaps(cursor: "DuckDBPyConnection", table: SeriesTable, earliest: "Frame", latest: "Frame") -> bool:
    """Whether the table has rows between the first time of a frame and the last of another."""
    first, last = int(earliest.timestamps[0].astype("int64")), int(latest.timestamps[-1].astype("int64"))
    query = f"SELECT 1 FROM {table.name} WHERE ts BETWEEN make_timestamp(?) AND make_timestamp(?) LIMIT 1"
    return bool(cursor.execute(query, [first, last]).fetchall())


def _stored(table: SeriesTable) -> str:
    return f"SELECT * FROM {table.name} WHERE ts IN (SELECT ts FROM {_MERGE})"
