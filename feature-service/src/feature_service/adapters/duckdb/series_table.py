"""The tables of the telemetry file, and the two in which the file keeps their catalogue."""

# ruff: noqa: S608 - only names made in this package are written into statements

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from feature_service.adapters.column_catalog import SeriesTable
from feature_service.domain.model.series import FieldKind, SeriesKey

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SQL_TYPES: Final = {FieldKind.NUMBER: "DOUBLE", FieldKind.TEXT: "VARCHAR"}
# What making a column, writing a cell of it, and adding one take in microseconds, about: two ways are compared by it.
_COLUMN_MICROS: Final = 100
_CELL_MICROS: Final = 0.04
_ALTER_MICROS: Final = 500
_ALTER_COLUMN_MICROS: Final = 1
_SCHEMA: Final = """
CREATE SEQUENCE IF NOT EXISTS penstock_series_id;
CREATE TABLE IF NOT EXISTS penstock_series (
    id INTEGER PRIMARY KEY, tenant_id VARCHAR NOT NULL, device_code VARCHAR NOT NULL, UNIQUE (tenant_id, device_code)
);
CREATE TABLE IF NOT EXISTS penstock_column (
    series_id INTEGER NOT NULL, ordinal INTEGER NOT NULL, field VARCHAR NOT NULL, kind VARCHAR NOT NULL
);
"""


def load_tables(cursor: "DuckDBPyConnection") -> dict[SeriesKey, SeriesTable]:
    """Create the catalogue in a new file, and return what it says."""
    cursor.execute(_SCHEMA)
    fields: dict[int, dict[str, FieldKind]] = {}
    rows = cursor.execute("SELECT series_id, field, kind FROM penstock_column ORDER BY series_id, ordinal")
    for series_id, field, kind in rows.fetchall():
        fields.setdefault(series_id, {})[field] = FieldKind(kind)
    return {
        SeriesKey(tenant_id=tenant_id, device_code=device_code): SeriesTable(
            id=series_id, kinds=fields.get(series_id, {})
        )
        for series_id, tenant_id, device_code in cursor.execute("FROM penstock_series").fetchall()
    }


def extend_table(
    cursor: "DuckDBPyConnection", key: SeriesKey, table: SeriesTable | None, kinds: Mapping[str, FieldKind]
) -> SeriesTable:
    """Return the series' table with a column for each of `kinds`, created or altered as needed.

    Raises InvalidArgument FIELD_TYPE_CONFLICT when a field has the other kind.
    """
    if table is None:
        return _create(cursor, key, kinds)
    new = table.missing(key, kinds)
    if not new:
        return table
    extended = table.with_columns(new)
    if _is_made_anew_sooner(cursor, table, len(new)):
        _make_anew(cursor, table, extended)
    else:
        for field, kind in new.items():
            cursor.execute(f"ALTER TABLE {table.name} ADD COLUMN {extended.column(field)} {_SQL_TYPES[kind]}")
    _record(cursor, extended, new)
    return extended


def schema_work(before: SeriesTable | None, after: SeriesTable) -> int:
    """Return how many columns the change of a table made or copied: an added one copies the catalogue of all."""
    if before is None:
        return len(after.kinds)
    return (len(after.kinds) - len(before.kinds)) * len(after.kinds)


def drop_table(cursor: "DuckDBPyConnection", table: SeriesTable) -> None:
    """Drop the table and what the catalogue says of it."""
    cursor.execute(f"DROP TABLE {table.name}")
    cursor.execute("DELETE FROM penstock_column WHERE series_id = ?", [table.id])
    cursor.execute("DELETE FROM penstock_series WHERE id = ?", [table.id])


def _create(cursor: "DuckDBPyConnection", key: SeriesKey, kinds: Mapping[str, FieldKind]) -> SeriesTable:
    row = cursor.execute(
        "INSERT INTO penstock_series VALUES (nextval('penstock_series_id'), ?, ?) RETURNING id",
        [key.tenant_id, key.device_code],
    ).fetchone()
    assert row is not None
    table = SeriesTable(id=int(row[0]), kinds=dict(kinds))
    cursor.execute(f"CREATE TABLE {table.name} ({_definition(table)})")
    _record(cursor, table, kinds)
    return table


def _definition(table: SeriesTable) -> str:
    columns = "".join(f", {table.column(field)} {_SQL_TYPES[kind]}" for field, kind in table.kinds.items())
    return f"ts TIMESTAMP NOT NULL{columns}"


def _is_made_anew_sooner(cursor: "DuckDBPyConnection", table: SeriesTable, new: int) -> bool:
    """Whether copying the rows into a wider table takes less than a statement per column.

    Each of those copies the description of all columns, so that thousands would take minutes.
    """
    (rows,) = cursor.execute(f"SELECT count(*) FROM {table.name}").fetchall()[0]
    width = len(table.kinds) + new
    return width * (_COLUMN_MICROS + rows * _CELL_MICROS) < new * (_ALTER_MICROS + width * _ALTER_COLUMN_MICROS)


def _make_anew(cursor: "DuckDBPyConnection", table: SeriesTable, extended: SeriesTable) -> None:
    wider, names = f"{table.name}_wider", ", ".join(("ts", *table.columns.values()))
    cursor.execute(f"CREATE TABLE {wider} ({_definition(extended)})")
    cursor.execute(f"INSERT INTO {wider} ({names}) SELECT {names} FROM {table.name}")
    cursor.execute(f"DROP TABLE {table.name}")
    cursor.execute(f"ALTER TABLE {wider} RENAME TO {table.name}")


def _record(cursor: "DuckDBPyConnection", table: SeriesTable, new: Mapping[str, FieldKind]) -> None:
    if new:
        # One statement: one for each of thousands of fields would take seconds.
        first = len(table.kinds) - len(new)
        cursor.execute(
            "INSERT INTO penstock_column SELECT ?, unnest(?::INTEGER[]), unnest(?::VARCHAR[]), unnest(?::VARCHAR[])",
            [table.id, list(range(first, len(table.kinds))), list(new), [kind.value for kind in new.values()]],
        )
