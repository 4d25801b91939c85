"""Deletes the rows of dropped series in steps, so that no statement locks much or takes long."""

# ruff: noqa: S608 - only names made in this package are written into statements

from typing import Final

from feature_service.adapters.postgresql.partition import load_partitions
from feature_service.adapters.postgresql.pool import Connection

_STEP: Final = 50_000


async def delete_dropped(connection: Connection) -> None:
    """Delete the rows of every series that was dropped, those too that a process died on."""
    for row in await connection.fetch("SELECT series_id FROM telemetry_dropped"):
        series_id = row["series_id"]
        for partition in await load_partitions(connection):
            await _delete(connection, partition.name, series_id)
        await connection.execute("DELETE FROM telemetry_dropped WHERE series_id = $1", series_id)


async def _delete(connection: Connection, table: str, series_id: int) -> None:
    chosen = f"SELECT ctid FROM {table} WHERE series_id = $1 LIMIT {_STEP}"
    while await connection.execute(f"DELETE FROM {table} WHERE ctid = ANY(ARRAY({chosen}))", series_id) != "DELETE 0":
        pass
