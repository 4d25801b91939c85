"""The catalogue of the series in the database: which fields each has, and where in its rows they lie."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from feature_service.adapters.column_catalog import SeriesTable
from feature_service.adapters.postgresql.transaction import in_transaction
from feature_service.domain.model.series import FieldKind, SeriesKey

if TYPE_CHECKING:
    from feature_service.adapters.postgresql.pool import Connection

_FIND = """
SELECT s.tenant_id, s.device_code, s.id, s.fields, s.kinds
FROM unnest($1::text[], $2::text[]) AS wanted (tenant_id, device_code) JOIN telemetry_series AS s
USING (tenant_id, device_code)
"""
_CREATE = """
INSERT INTO telemetry_series (tenant_id, device_code, fields, kinds) VALUES ($1, $2, '{}', '{}') ON CONFLICT DO NOTHING
"""
_LOCK = "SELECT id, fields, kinds FROM telemetry_series WHERE tenant_id = $1 AND device_code = $2 FOR NO KEY UPDATE"
_EXTEND = "UPDATE telemetry_series SET fields = $2, kinds = $3 WHERE id = $1"
_DROP = "DELETE FROM telemetry_series WHERE tenant_id = $1 AND device_code = $2 RETURNING id"


def positions(table: SeriesTable) -> dict[str, int]:
    """Return where, from 0, each field's value is in the array of its kind."""
    counts = dict.fromkeys(FieldKind, 0)
    places: dict[str, int] = {}
    for field, kind in table.kinds.items():
        places[field] = counts[kind]
        counts[kind] += 1
    return places


async def find_series(
    connection: "Connection", keys: Sequence[SeriesKey], *, keep: bool = False
) -> dict[SeriesKey, SeriesTable]:
    """Return those of the series that exist; with `keep` they cannot be dropped before the transaction ends."""
    lock = "ORDER BY s.id FOR KEY SHARE OF s" if keep else ""
    rows = await connection.fetch(_FIND + lock, [key.tenant_id for key in keys], [key.device_code for key in keys])
    return _tables(rows)


async def all_series(connection: "Connection") -> dict[SeriesKey, SeriesTable]:
    """Return every series."""
    return _tables(
        await connection.fetch("SELECT tenant_id, device_code, id, fields, kinds FROM telemetry_series ORDER BY id")
    )


async def extend_series(connection: "Connection", wanted: Mapping[SeriesKey, Mapping[str, FieldKind]]) -> None:
    """Create the series that are missing and add the fields they lack, in one transaction.

    Raises InvalidArgument FIELD_TYPE_CONFLICT when a field has the other kind: then nothing was changed.
    """
    async with in_transaction(connection):
        for key, kinds in sorted(wanted.items()):
            await connection.execute(_CREATE, key.tenant_id, key.device_code)
            row = await connection.fetchrow(_LOCK, key.tenant_id, key.device_code)
            table = _table(row["id"], row["fields"], row["kinds"])
            new = table.missing(key, kinds)
            if new:
                extended = table.with_columns(new).kinds
                await connection.execute(_EXTEND, table.id, list(extended), [kind.value for kind in extended.values()])


async def drop_series(connection: "Connection", key: SeriesKey) -> int | None:
    """Take the series out of the catalogue, and note that its rows are to be deleted; None when there is none."""
    async with in_transaction(connection):
        series_id = await connection.fetchval(_DROP, key.tenant_id, key.device_code)
        if series_id is not None:
            await connection.execute("INSERT INTO telemetry_dropped VALUES ($1)", series_id)
        return series_id


def _tables(rows: Sequence[Any]) -> dict[SeriesKey, SeriesTable]:
    return {
        SeriesKey(tenant_id=row["tenant_id"], device_code=row["device_code"]): _table(
            row["id"], row["fields"], row["kinds"]
        )
        for row in rows
    }


def _table(series_id: int, fields: Sequence[str], kinds: Sequence[str]) -> SeriesTable:
    named = {field: FieldKind(kind) for field, kind in zip(fields, kinds, strict=True)}
    return SeriesTable(id=series_id, kinds=named)
