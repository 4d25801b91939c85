"""The tables of the telemetry file, and the two in which the file keeps their catalogue."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from feature_service.adapters.column_catalog import SeriesTable
from feature_service.domain.model.series import FieldKind, SeriesKey

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SQL_TYPES: Final = {FieldKind.NUMBER: "DOUBLE", FieldKind.TEXT: "VARCHAR"}
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
    extended = table.with_columns(new)
    for field, kind in new.items():
        cursor.execute(f"ALTER TABLE {table.name} ADD COLUMN {extended.column(field)} {_SQL_TYPES[kind]}")
    _record(cursor, extended, new)
    return extended


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
    columns = "".join(f", {table.column(field)} {_SQL_TYPES[kind]}" for field, kind in kinds.items())
    cursor.execute(f"CREATE TABLE {table.name} (ts TIMESTAMP NOT NULL{columns})")
    _record(cursor, table, kinds)
    return table


def _record(cursor: "DuckDBPyConnection", table: SeriesTable, new: Mapping[str, FieldKind]) -> None:
    if new:
        ordinals = {field: ordinal for ordinal, field in enumerate(table.kinds)}
        named = [[table.id, ordinals[field], field, kind.value] for field, kind in new.items()]
        cursor.executemany("INSERT INTO penstock_column VALUES (?, ?, ?, ?)", named)
