"""Deletes rows of dropped series and old rows in steps, so that no statement locks much or takes long."""

# ruff: noqa: S608 - only names made in this package are written into statements

from typing import Final

from feature_service.adapters.postgresql.partition import load_partitions
from feature_service.adapters.postgresql.pool import Connection
from feature_service.adapters.postgresql.timestamp import timestamp_literal

_STEP: Final = 50_000


async def delete_dropped(connection: Connection) -> None:
    """Delete the rows of every series that was dropped, those too that a process died on."""
    for row in await connection.fetch("SELECT series_id FROM telemetry_dropped"):
        series_id = row["series_id"]
        for partition in await load_partitions(connection):
            await _delete(connection, partition.name, series_id)
        await connection.execute("DELETE FROM telemetry_dropped WHERE series_id = $1", series_id)


async def delete_before(connection: Connection, micros: int) -> int:
    """Delete all rows of times before that moment: whole partitions at once, the rest in steps; return how many."""
    deleted = 0
    for partition in await load_partitions(connection):
        if partition.end is not None and partition.end <= micros:
            deleted += await connection.fetchval(f"SELECT count(*) FROM {partition.name}")
            await connection.execute(f"DROP TABLE {partition.name}")
        elif partition.start is None or partition.start < micros:
            deleted += await _delete_old(connection, partition.name, micros)
    return deleted


async def _delete_old(connection: Connection, table: str, micros: int) -> int:
    chosen = f"SELECT ctid FROM {table} WHERE ts < {timestamp_literal(micros)} LIMIT {_STEP}"
    deleted = 0
    while step := int((await connection.execute(f"DELETE FROM {table} WHERE ctid = ANY(ARRAY({chosen}))")).split()[1]):
        deleted += step
    return deleted


async def _delete(connection: Connection, table: str, series_id: int) -> None:
    chosen = f"SELECT ctid FROM {table} WHERE series_id = $1 LIMIT {_STEP}"
    while await connection.execute(f"DELETE FROM {table} WHERE ctid = ANY(ARRAY({chosen}))", series_id) != "DELETE 0":
        pass
