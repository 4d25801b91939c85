"""The two sides of a move: files of a home, and a PostgreSQL."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from penstock_cli.failure import CommandFailed
from penstock_cli.migrate.postgres_store import open_postgres
from penstock_cli.migrate.record_set import RecordSet
from penstock_cli.migrate.sqlite_store import SqliteRecords
from penstock_cli.migrate.store import RecordStore
from penstock_cli.unfinished import Unfinished, end
from penstock_kit.database import migrate, sqlite_url
from penstock_kit.database.migrate import newest_revision, version_table
from penstock_kit.database.url import driver_url, postgresql_url
from penstock_kit.errors import PenstockError

TELEMETRY_FILE: Final = "telemetry.duckdb"
_DRAFT: Final = ".moving"
_HEAD_BYTES: Final = 12
_ONLY_POSTGRESQL: Final = "name a PostgreSQL: postgresql://user:password@host:5432/name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What goes where: from the files of `home` to the PostgreSQL at `url`, or, `back`, from there into files.

    The way back writes beside the files that are there; :func:`install` moves those into the folder `kept` of the home.
    """

    home: Path
    url: str
    back: bool

    telemetry: Path | None = None
    kept: str = field(default_factory=lambda: f"before-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")

    def file(self, name: str) -> Path:
        """Return the file in the home that is written on the way back."""
        return self.home / f"{name}{_DRAFT}"

    def records_file(self, records: RecordSet) -> Path:
        """Return the file that a service uses without a PostgreSQL: that of its settings, else that of the home."""
        named = driver_url(records.url) if records.url else None
        is_file = named is not None and named.get_backend_name() == "sqlite"
        return Path(named.database or "") if named is not None and is_file else self.home / records.file

    @property
    def telemetry_file(self) -> Path:
        """Return the file that holds telemetry without a PostgreSQL."""
        return self.telemetry or self.home / TELEMETRY_FILE

    def has(self, records: RecordSet) -> bool:
        """Whether there is anything to move: PostgreSQL is asked, a file must be there."""
        return self.back or self.records_file(records).exists()

    @property
    def has_telemetry(self) -> bool:
        """Whether there is telemetry to move."""
        return self.back or self.telemetry_file.exists()


def telemetry_file_of_settings() -> Path | None:
    """Return the DuckDB file that TELEMETRY_URL names, None when it names none. Raises CommandFailed for no URL."""
    from feature_service.adapters.telemetry_url import duckdb_file
    from feature_service.settings import FeatureSettings
    from penstock_kit.settings import load

    url = load(FeatureSettings).telemetry_url.get_secret_value()
    try:
        return duckdb_file(url) if url else None
    except PenstockError as error:
        raise CommandFailed(error.message, exit_code=2) from None


def require_duckdb(file: Path) -> None:
    """Raise CommandFailed when what is there is not DuckDB's: no command makes anything else of it."""
    from feature_service.adapters.duckdb.file import begins_as_duckdb, require_file

    try:
        require_file(file)
        with file.open("rb") as opened:
            head = opened.read(_HEAD_BYTES)
    except FileNotFoundError:
        return
    except OSError as error:
        raise CommandFailed(f"{file} can't be read: {error.strerror}") from None
    except PenstockError as error:
        raise CommandFailed(error.message) from None
    if not begins_as_duckdb(head):
        remedy = "name another in TELEMETRY_URL, or bring back a backup; what a full disk left is made anew by a start"
        raise CommandFailed(f"{file} does not begin as a DuckDB file does: {remedy}")


def telemetry_is_in_tdengine() -> bool:
    """Return whether TELEMETRY_URL names a TDengine, which is neither read nor written here."""
    from feature_service.settings import FeatureSettings
    from penstock_kit.settings import load

    return load(FeatureSettings).telemetry_url.get_secret_value().startswith("taosrest")


def require_postgresql(text: str) -> str:
    """Return the URL that an option gives, or the file it names with ``@``. Raises CommandFailed for another."""
    url = Path(text[1:]).read_text().strip() if text.startswith("@") else text
    if url.startswith("taosrest"):
        raise CommandFailed(f"{_ONLY_POSTGRESQL}; TDengine keeps telemetry alone, and rows are not moved into it")
    if driver_url(url).get_backend_name() == "sqlite":
        raise CommandFailed(f"{_ONLY_POSTGRESQL}, or @FILE that holds this")
    return postgresql_url(url)


@asynccontextmanager
async def open_source(move: Move, records: RecordSet, *, alone: bool) -> AsyncGenerator[RecordStore]:
    """Give the side that is read, its schema brought up to date; with `alone`, while nobody else has it open."""
    if move.back:
        async with _open_postgresql(move, records, alone=alone) as store:
            yield store
        return
    async with _open_sqlite(move.records_file(records), records, alone=alone) as store:
        yield store


@asynccontextmanager
async def open_target(move: Move, records: RecordSet, *, alone: bool) -> AsyncGenerator[RecordStore]:
    """Give the side that is written, or compared with; its schema is made."""
    if not move.back:
        async with _open_postgresql(move, records, alone=alone) as store:
            yield store
        return
    file = move.file(records.file) if alone else move.records_file(records)
    async with _open_sqlite(file, records, alone=alone) as store:
        yield store


def _exists(file: Path) -> bool:
    return file.exists()


@asynccontextmanager
async def _open_sqlite(file: Path, records: RecordSet, *, alone: bool) -> AsyncGenerator[RecordStore]:
    if alone:
        await migrate(sqlite_url(file), records.migrations)
    elif not _exists(file):
        raise CommandFailed(f"{file} is not there")
    store = SqliteRecords(file, records.progress_table, alone=alone)
    try:
        if alone:
            await require_newest(store, records)
        yield store
    finally:
        store.close()


@asynccontextmanager
async def _open_postgresql(move: Move, records: RecordSet, *, alone: bool) -> AsyncGenerator[RecordStore]:
    if alone:
        await migrate(move.url, records.migrations, schema=records.schema)
    async with open_postgres(move.url, records.schema, records.progress_table) as store:
        if alone:
            await require_newest(store, records)
            await store.keep_others_out()
        yield store


async def require_newest(store: RecordStore, records: RecordSet) -> None:
    """Raise CommandFailed unless the schema is that of this version: another may have columns that would be lost."""
    found, newest = await store.revision(version_table(records.migrations)), newest_revision(records.migrations)
    if found != newest:
        message = (
            f"{store.title} has the schema {found or 'of no version'} of {records.name}, this version has {newest}"
        )
        raise CommandFailed(f"{message}: use the version that wrote it")


def install(move: Move, name: str, progress_table: str = "") -> Path | None:
    """Put a file that was written on the way back in its place; return where that before it is, None without any.

    A note in the home says meanwhile that it is not whole: after a kill nothing starts until the move is repeated.
    """
    file, draft = move.home / name, move.file(name)
    there = [path for suffix in ("", "-wal", "-shm", ".wal") if (path := move.home / f"{name}{suffix}").exists()]
    earlier = Unfinished.read(move.home)
    note = earlier or Unfinished(command="migrate copy --from …", kept=move.kept, there=[path.name for path in there])
    note.begin(move.home)
    kept = move.home / note.kept
    for path in there:
        kept.mkdir(mode=0o700, exist_ok=True)
        path.replace(kept / path.name)
    draft.replace(file)
    end(move.home)
    if progress_table:
        store = SqliteRecords(file, progress_table, alone=True)
        store.forget_progress()
        store.close()
    return kept if there else None


@asynccontextmanager
async def open_telemetry_sides(move: Move, *, alone: bool) -> AsyncGenerator[tuple[Any, Any]]:
    """Give the telemetry that is read and that which is written or compared with."""
    from feature_service.adapters.duckdb.telemetry_store import DuckDbTelemetryStore
    from feature_service.adapters.postgresql.telemetry_store import PostgresTelemetryStore

    file = move.file(TELEMETRY_FILE) if alone and move.back else move.telemetry_file
    files = DuckDbTelemetryStore(file, lock_seconds=2)
    rows = PostgresTelemetryStore(move.url, query_seconds=3600)
    try:
        yield (rows, files) if move.back else (files, rows)
    finally:
        await files.close()
        await rows.close()
