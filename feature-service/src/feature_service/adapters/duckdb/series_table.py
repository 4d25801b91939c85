"""Which table and columns of the telemetry file hold which series: its own small catalogue.

Each series (a device of a tenant) has a table of its own, in which a range of time lies together, with a
column per field. Field names are free text, so columns are numbered and the names kept beside them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from feature_service.domain.model.series import FieldKind, SeriesKey
from penstock_kit.errors import InvalidArgument

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


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesTable:
    """A series' table; `kinds` in the order of the columns ``f0``, ``f1`` …"""

    id: int
    kinds: Mapping[str, FieldKind]

    @property
    def name(self) -> str:
        """The name of the table."""
        return f"series_{self.id}"

    def column(self, field: str) -> str:
        """Return the name of the field's column. Raises KeyError."""
        return self.columns[field]

    @property
    def columns(self) -> Mapping[str, str]:
        """The column of each field."""
        return {field: f"f{ordinal}" for ordinal, field in enumerate(self.kinds)}


class SeriesCatalog:
    """The series of a file, kept in memory; changed only inside write transactions."""

    def __init__(self) -> None:
        self._tables: dict[SeriesKey, SeriesTable] = {}

    def load(self, cursor: "DuckDBPyConnection") -> None:
        """Create the catalogue in a new file and read it."""
        cursor.execute(_SCHEMA)
        fields: dict[int, dict[str, FieldKind]] = {}
        rows = cursor.execute("SELECT series_id, field, kind FROM penstock_column ORDER BY series_id, ordinal")
        for series_id, field, kind in rows.fetchall():
            fields.setdefault(series_id, {})[field] = FieldKind(kind)
        for series_id, tenant_id, device_code in cursor.execute("FROM penstock_series").fetchall():
            key = SeriesKey(tenant_id=tenant_id, device_code=device_code)
            self._tables[key] = SeriesTable(id=series_id, kinds=fields.get(series_id, {}))

    def table(self, key: SeriesKey) -> SeriesTable | None:
        """Return the series' table, None when it was never written to."""
        return self._tables.get(key)

    def remember_all(self, tables: Mapping[SeriesKey, SeriesTable]) -> None:
        """Take over what a committed transaction made of the series."""
        self._tables.update(tables)

    def forget(self, key: SeriesKey) -> None:
        """Take over that a committed transaction dropped the series."""
        self._tables.pop(key, None)


def extended_table(
    cursor: "DuckDBPyConnection", key: SeriesKey, table: SeriesTable | None, kinds: Mapping[str, FieldKind]
) -> SeriesTable:
    """Return the series' table with a column for each of `kinds`, created or altered as needed.

    Raises InvalidArgument FIELD_TYPE_CONFLICT when a field has the other kind.
    """
    if table is None:
        return _created(cursor, key, kinds)
    for field, kind in kinds.items():
        known = table.kinds.get(field)
        if known is None:
            table = _widened(cursor, table, field, kind)
        elif known is not kind:
            raise InvalidArgument(
                f"field {field!r} of device {key.device_code!r} holds {known.value}s, the rows bring {kind.value}s",
                reason="FIELD_TYPE_CONFLICT",
                metadata={"field": field},
            )
    return table


def _created(cursor: "DuckDBPyConnection", key: SeriesKey, kinds: Mapping[str, FieldKind]) -> SeriesTable:
    row = cursor.execute(
        "INSERT INTO penstock_series VALUES (nextval('penstock_series_id'), ?, ?) RETURNING id",
        [key.tenant_id, key.device_code],
    ).fetchone()
    assert row is not None
    table = SeriesTable(id=int(row[0]), kinds=dict(kinds))
    columns = "".join(f", {table.column(field)} {_SQL_TYPES[kind]}" for field, kind in kinds.items())
    cursor.execute(f"CREATE TABLE {table.name} (ts TIMESTAMP NOT NULL{columns})")
    if kinds:
        named = [[table.id, ordinal, field, kind.value] for ordinal, (field, kind) in enumerate(kinds.items())]
        cursor.executemany("INSERT INTO penstock_column VALUES (?, ?, ?, ?)", named)
    return table


def _widened(cursor: "DuckDBPyConnection", table: SeriesTable, field: str, kind: FieldKind) -> SeriesTable:
    ordinal = len(table.kinds)
    cursor.execute(f"ALTER TABLE {table.name} ADD COLUMN f{ordinal} {_SQL_TYPES[kind]}")
    cursor.execute("INSERT INTO penstock_column VALUES (?, ?, ?, ?)", [table.id, ordinal, field, kind.value])
    return SeriesTable(id=table.id, kinds={**table.kinds, field: kind})
