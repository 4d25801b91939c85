"""Records in PostgreSQL through asyncpg: rows go in by COPY, in the order of the bytes of their keys they come out."""

# ruff: noqa: S608 - names of tables and columns are our own, and quoted

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy import JSON, Integer, String, Table

from penstock_cli.failure import CommandFailed
from penstock_cli.migrate.store import Progress
from penstock_cli.migrate.value import Key, Row
from penstock_kit.database.engine import application_name
from penstock_kit.database.url import postgresql_url
from penstock_kit.redaction import mask_urls

_FETCH: Final = 50
_CONNECT_SECONDS: Final = 10
_LOCK_SPACE: Final = 0x70656E


class PostgresRecords:
    """A RecordStore over one connection, which looks for tables in `schema` first."""

    is_sqlite = False

    def __init__(self, connection: Any, url: str, schema: str, progress_table: str) -> None:
        self.title = mask_urls(url)
        self._connection = connection
        self._schema = schema
        self._progress = f'"{progress_table}"'

    async def count(self, table: Table) -> int:
        """Count the rows."""
        return int(await self._connection.fetchval(f'SELECT count(*) FROM "{table.name}"'))

    async def rows(self, table: Table, after: Key | None = None) -> AsyncGenerator[Row]:
        """Yield the rows in the order of their keys."""
        columns = ", ".join(_selected(column) for column in table.columns)
        keys = list(table.primary_key.columns)
        order = ", ".join(_ordered(column) for column in keys)
        marks = ", ".join(f"${place}" for place in range(1, len(keys) + 1))
        where = f"WHERE ({order}) > ({marks})" if after is not None else ""
        query = f'SELECT {columns} FROM "{table.name}" {where} ORDER BY {order}'
        async with self._connection.transaction(isolation="repeatable_read", readonly=True):
            async for record in self._connection.cursor(query, *(after or ()), prefetch=_FETCH):
                yield tuple(record)

    async def orphans(self, table: Table) -> Sequence[str]:
        """Return nothing: PostgreSQL does not let it come to that."""
        del table
        return ()

    async def sequence(self, table: Table) -> int | None:
        """Return the highest id, or what the sequence gave last."""
        named = await self._sequence_of(table)
        if named is None:
            return None
        column = table.autoincrement_column
        assert column is not None
        highest = await self._connection.fetchval(f'SELECT max("{column.name}") FROM "{table.name}"') or 0
        last = await self._connection.fetchval(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {named}")
        return max(int(highest), int(last))

    async def set_sequence(self, table: Table, last: int) -> None:
        """Set the sequence of the table's ids."""
        named = await self._sequence_of(table)
        if named is not None and last > 0:
            await self._connection.execute("SELECT setval($1::text::regclass, $2, true)", named, last)

    async def progress(self) -> Mapping[str, Progress] | None:
        """Read the table of the progress."""
        if await self._connection.fetchval("SELECT to_regclass($1)", self._progress) is None:
            return None
        found = await self._connection.fetch(f"SELECT table_name, last_key, row_count, finished FROM {self._progress}")
        return {
            name: Progress(rows=rows, last_key=tuple(json.loads(key)) if key else None, finished=done)
            for name, key, rows, done in (tuple(record) for record in found)
        }

    async def begin(self) -> None:
        """Make the table of the progress."""
        await self._connection.execute(
            f"CREATE TABLE IF NOT EXISTS {self._progress} "
            "(table_name text PRIMARY KEY, last_key text, row_count bigint NOT NULL, finished boolean NOT NULL)"
        )

    async def write(self, table: Table, rows: Sequence[Row], progress: Progress) -> None:
        """Copy the rows in."""
        import asyncpg

        columns = [column.name for column in table.columns]
        try:
            async with self._connection.transaction():
                await self._connection.copy_records_to_table(table.name, records=rows, columns=columns)
                await self.note(table.name, progress)
        except asyncpg.UniqueViolationError as error:
            message = f"{self.title} has rows that this move did not write: {error}; begin with an empty database"
            raise CommandFailed(message) from None
        except asyncpg.PostgresError as error:
            raise CommandFailed(f"{self.title} takes no rows of {table.name}: {error}") from None

    async def note(self, table_name: str, progress: Progress) -> None:
        """Write a row of the progress."""
        key = None if progress.last_key is None else json.dumps(progress.last_key)
        await self._connection.execute(
            f"INSERT INTO {self._progress} VALUES ($1, $2, $3, $4) ON CONFLICT (table_name) DO UPDATE "
            "SET last_key = excluded.last_key, row_count = excluded.row_count, finished = excluded.finished",
            table_name,
            key,
            progress.rows,
            progress.finished,
        )

    @asynccontextmanager
    async def snapshot(self) -> AsyncGenerator[None]:
        """Read in the block what is there at its begin, whatever others write meanwhile."""
        async with self._connection.transaction(isolation="repeatable_read", readonly=True):
            yield

    async def revision(self, version_table: str) -> str:
        """Return the revision of the schema, empty without a schema."""
        if await self._connection.fetchval("SELECT to_regclass($1)", f'"{version_table}"') is None:
            return ""
        return str(await self._connection.fetchval(f'SELECT version_num FROM "{version_table}"') or "")

    async def server_version(self) -> str:
        """Return the version of the server, such as ``16.4``."""
        return str(await self._connection.fetchval("SHOW server_version"))

    async def schema_of(self, table_name: str) -> str | None:
        """Return the schema in which a table is found, None when it is not there."""
        found = (
            "SELECT n.nspname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
            " WHERE c.oid = to_regclass($1)"
        )
        return await self._connection.fetchval(found, f'"{table_name}"')

    async def rename_schema(self, schema: str, name: str) -> bool:
        """Give a schema another name; return whether it was there."""
        if not await self._connection.fetchval("SELECT 1 FROM pg_namespace WHERE nspname = $1", schema):
            return False
        await self._connection.execute(f'ALTER SCHEMA "{schema}" RENAME TO "{name}"')
        return True

    async def drop_schema(self, schema: str) -> None:
        """Drop a schema with all there is in it, if it is there."""
        await self._connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')

    async def forget_progress(self) -> None:
        """Drop the table of the progress."""
        await self._connection.execute(f"DROP TABLE IF EXISTS {self._progress}")

    async def keep_others_out(self) -> None:
        """Raise CommandFailed when the service itself is connected, or another move into this schema runs."""
        serving = await self._connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1",
            application_name(self._schema),
        )
        if serving:
            message = f"{serving} connections of the service are open to {self.title}: stop Penstock (or that service)"
            raise CommandFailed(f"{message} first")
        lock = "SELECT pg_try_advisory_lock($1, hashtext($2))"
        if not await self._connection.fetchval(lock, _LOCK_SPACE, self._schema):
            raise CommandFailed(f"another `penstock migrate` works on {self.title}; wait for it")

    async def _sequence_of(self, table: Table) -> str | None:
        column = table.autoincrement_column
        if column is None or not column.autoincrement or not isinstance(column.type, Integer):
            return None
        return await self._connection.fetchval("SELECT pg_get_serial_sequence($1, $2)", f'"{table.name}"', column.name)


@asynccontextmanager
async def open_postgres(url: str, schema: str, progress_table: str) -> AsyncGenerator[PostgresRecords]:
    """Connect to `url` for the block. Raises CommandFailed when it does not answer."""
    import asyncpg

    connect: Any = getattr(asyncpg, "connect")  # noqa: B009 - it has no types
    plain = postgresql_url(url)
    try:
        connection = await connect(plain, timeout=_CONNECT_SECONDS)
    except (OSError, TimeoutError, asyncpg.PostgresError, ValueError) as error:
        raise CommandFailed(f"{mask_urls(url)} does not answer: {error or 'no answer in time'}") from None
    try:
        await connection.execute(
            "SELECT set_config('search_path', concat_ws(', ', $1::text, nullif(current_setting('search_path'), '')),"
            " false), set_config('application_name', 'penstock migrate', false)",
            f'"{schema}"',
        )
        yield PostgresRecords(connection, url, schema, progress_table)
    finally:
        await connection.close()


def _selected(column: Any) -> str:
    # As it is written: what JSON means is nobody's business here.
    return f'"{column.name}"::text' if isinstance(column.type, JSON) else f'"{column.name}"'


def _ordered(column: Any) -> str:
    return f'"{column.name}" COLLATE "C"' if isinstance(column.type, String) else f'"{column.name}"'
