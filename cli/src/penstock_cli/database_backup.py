"""The part of a backup that is in PostgreSQL: copied into the same files as a home has, and restored from them.

No program of PostgreSQL's is asked, so none can be older than the server or missing: docs/adr/0025.
"""

import shutil
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from penstock_cli.failure import CommandFailed
from penstock_cli.migrate.compare import compare_table
from penstock_cli.migrate.copy import copy_records
from penstock_cli.migrate.postgres_store import open_postgres
from penstock_cli.migrate.record_set import NAMES, RecordSet, load_record_set
from penstock_cli.migrate.side import require_newest
from penstock_cli.migrate.sqlite_store import SqliteRecords
from penstock_cli.migrate.telemetry import compare_telemetry, copy_telemetry
from penstock_cli.settings import CliSettings
from penstock_kit.database import migrate, sqlite_url
from penstock_kit.database.migrate import newest_revision, version_table
from penstock_kit.database.url import driver_url
from penstock_kit.errors import PenstockError


class Silence:
    """Is told of steps and says nothing."""

    def step(self, what: str, rows: int = 0, of: int = 0) -> None:
        """Hear of a step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the rows of a file came from: the server's version, and the revision of the schema."""

    server: str
    revision: str


def shared_records(settings: CliSettings) -> list[RecordSet]:
    """Return the records that the settings keep in PostgreSQL: in a container those of its service alone."""
    return [records for records in _named_records(settings) if not _file_of(records)]


def files_elsewhere(settings: CliSettings) -> dict[str, Path]:
    """Return the SQLite files that the settings name in place of those of the home, by what these are called."""
    named = {records.file: Path(_file_of(records)) for records in _named_records(settings) if _file_of(records)}
    return {name: file for name, file in named.items() if file.resolve() != (settings.home / name).resolve()}


def _named_records(settings: CliSettings) -> list[RecordSet]:
    own = settings.text("PENSTOCK_SERVICE")
    sets = [load_record_set(name) for name in NAMES if not own or own == name]
    return [records for records in sets if records.url]


def _file_of(records: RecordSet) -> str:
    """Return the SQLite file that the URL names, empty for a PostgreSQL."""
    try:
        parsed = driver_url(records.url)
    except PenstockError as error:
        raise CommandFailed(error.message) from None
    return parsed.database or "" if parsed.get_backend_name() == "sqlite" else ""


async def check_versions(sets: Sequence[RecordSet]) -> dict[str, Origin]:
    """Return by file where the rows come from. Raises CommandFailed when a schema is not that of this version."""
    found: dict[str, Origin] = {}
    for records in sets:
        async with open_postgres(records.url, records.schema, records.progress_table) as store:
            revision = await store.revision(version_table(records.migrations))
            wanted = newest_revision(records.migrations)
            if revision != wanted:
                message = f"the schema of {records.name} in {store.title} is at revision {revision or 'none'}"
                raise CommandFailed(f"{message}, this version has {wanted}: start this version once, or use that one's")
            found[records.file] = Origin(server=await store.server_version(), revision=revision)
    return found


async def copy_to_file(records: RecordSet, target: Path) -> None:
    """Write all rows as they are at one moment into the new SQLite file, and compare them there."""
    await migrate(sqlite_url(target), records.migrations)
    file = SqliteRecords(target, records.progress_table, alone=True)
    try:
        async with open_postgres(records.url, records.schema, records.progress_table) as store, store.snapshot():
            await copy_records(store, file, records.tables, Silence())
            await _require_equal(store, file, records)
        file.forget_progress()
    finally:
        file.close()


async def copy_telemetry_to_file(url: str, target: Path) -> None:
    """Write all telemetry as it is at one moment into the new DuckDB file."""
    from feature_service.adapters.postgresql.telemetry_store import PostgresTelemetryStore

    store = PostgresTelemetryStore(url, query_seconds=24 * 3600)
    try:
        await store.copy_to(target)
    finally:
        await store.close()


class DatabaseRestore:
    """Restores files of a backup into the schemas of their services; `scratch` is for copies brought up to date."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._ready: list[tuple[RecordSet, Path]] = []
        self._changed = False

    @property
    def changed(self) -> bool:
        """Whether a schema is another one already, or may be."""
        return self._changed

    async def prepare(self, records: RecordSet, file: Path) -> None:
        """Bring a copy of the file up to date and see that the database can be restored into; it is not changed.

        Raises CommandFailed when the service is connected, or its tables are not in a schema of their own.
        """
        copy = self._scratch / records.file
        shutil.copyfile(file, copy)
        await migrate(sqlite_url(copy), records.migrations)
        opened = SqliteRecords(copy, records.progress_table, alone=True)
        try:
            await require_newest(opened, records)
        finally:
            opened.close()
        async with open_postgres(records.url, records.schema, records.progress_table) as store:
            await store.keep_others_out()
            elsewhere = await store.schema_of(version_table(records.migrations))
            if elsewhere not in {None, records.schema}:
                message = f"the tables of {records.name} in {store.title} lie in the schema {elsewhere}"
                raise CommandFailed(f"{message}: `penstock migrate schemas` moves them into one of their own")
        self._ready.append((records, copy))

    async def run(self) -> list[str]:
        """Restore what was prepared; return the schemas in which what was there is kept."""
        kept: list[str] = []
        for records, file in self._ready:
            async with _schema_set_aside(records) as name:
                await _fill(records, file)
            self._changed = True
            kept += [name] if name else []
        return kept


@asynccontextmanager
async def _schema_set_aside(records: RecordSet) -> AsyncGenerator[str]:
    """Give the service's schema another name for the block to make it anew; an exception brings it back."""
    name = f"{records.schema}_before_{datetime.now(UTC):%Y%m%dT%H%M%S}"
    async with open_postgres(records.url, records.schema, records.progress_table) as store:
        is_there = await store.rename_schema(records.schema, name)
    try:
        yield name if is_there else ""
    except BaseException:
        async with open_postgres(records.url, records.schema, records.progress_table) as store:
            await store.drop_schema(records.schema)
            await store.rename_schema(name, records.schema)
        raise


async def _fill(records: RecordSet, file: Path) -> None:
    await migrate(records.url, records.migrations, schema=records.schema)
    source = SqliteRecords(file, records.progress_table, alone=True)
    try:
        async with open_postgres(records.url, records.schema, records.progress_table) as store:
            await copy_records(source, store, records.tables, Silence())
            await _require_equal(source, store, records)
            await store.forget_progress()
    finally:
        source.close()


async def require_no_telemetry(url: str) -> None:
    """Raise CommandFailed when the telemetry store has rows: they are never mixed with those of a backup."""
    store = _telemetry(url)
    try:
        found = await store.series()
    finally:
        await store.close()
    if found:
        tables = "telemetry_rows, telemetry_series, telemetry_dropped, telemetry_schema"
        message = f"the PostgreSQL of TELEMETRY_URL has the telemetry of {len(found)} devices"
        raise CommandFailed(f"{message}; name an empty one, or DROP TABLE {tables} after a look")


async def restore_telemetry(file: Path, url: str) -> None:
    """Bring the rows of a file into the telemetry store, and compare them there."""
    from feature_service.adapters.duckdb.telemetry_store import DuckDbTelemetryStore

    source, target = DuckDbTelemetryStore(file, lock_seconds=2), _telemetry(url)
    try:
        await copy_telemetry(source, target, Silence())
        async for found in compare_telemetry(source, target):
            if found.named:
                raise CommandFailed(f"what arrived is not what was sent: {found.named[0]}")
    finally:
        await source.close()
        await target.close()


def _telemetry(url: str) -> Any:
    from feature_service.adapters.postgresql.telemetry_store import PostgresTelemetryStore

    return PostgresTelemetryStore(url, query_seconds=24 * 3600)


async def _require_equal(source: Any, target: Any, records: RecordSet) -> None:
    for table in records.tables:
        found = await compare_table(source, target, table)
        if not found.agrees:
            raise CommandFailed(f"what arrived is not what was sent: {found.named[0]}")
