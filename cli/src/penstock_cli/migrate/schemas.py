"""``penstock migrate schemas``: tables that an earlier version made in the default schema get one for each service."""

import sys
from collections.abc import Sequence
from typing import Any, Final

from penstock_cli.migrate.record_set import NAMES, RecordSet, load_record_set
from penstock_kit.database.url import driver_url, postgresql_url

_LOCK_SECONDS: Final = 10
_WHERE: Final = (
    "SELECT n.nspname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = $1::regclass"
)


async def move_into_schemas(names: Sequence[str] = NAMES) -> int:
    """Move the tables of each service whose settings name a PostgreSQL into its schema; return how many were moved.

    All tables of a service move in one transaction. Services of this version go on meanwhile: they look in both places.
    """
    moved = 0
    for records in map(load_record_set, names):
        if records.url and driver_url(records.url).get_backend_name() != "sqlite":
            count = await _move(records)
            moved += count
            said = f"{count} tables moved into the schema {records.schema}" if count else "nothing to move"
            sys.stdout.write(f"{records.name}: {said}\n")
    return moved


async def _move(records: RecordSet) -> int:
    import asyncpg

    connect: Any = getattr(asyncpg, "connect")  # noqa: B009 - it has no types
    connection = await connect(postgresql_url(records.url))
    try:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")
            return await _move_tables(connection, records)
    finally:
        await connection.close()


async def _move_tables(connection: Any, records: RecordSet) -> int:
    names = [*(table.name for table in records.tables), f"{records.schema}_schema", f"{records.schema}_compatible"]
    names.append(records.progress_table)
    found = [name for name in names if await connection.fetchval("SELECT to_regclass($1)", f'"{name}"') is not None]
    elsewhere = [name for name in found if await connection.fetchval(_WHERE, f'"{name}"') != records.schema]
    if elsewhere:
        await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{records.schema}"')
    for name in elsewhere:
        await connection.execute(f'ALTER TABLE "{name}" SET SCHEMA "{records.schema}"')
    return len(elsewhere)
