"""One database, opened by URL: many readers beside one writer on SQLite, a pool on PostgreSQL."""

import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.sql import Executable

from penstock_kit.database.asynchronous import AsyncConnection, AsyncEngine
from penstock_kit.database.counts import DatabaseCounts
from penstock_kit.database.engine import (
    NO_BEGIN,
    postgresql,
    reader_pragmas,
    sqlite_readers,
    sqlite_writer,
    writer_pragmas,
)
from penstock_kit.database.failure import REASON, storage_error
from penstock_kit.database.quick_reader import QuickReader, Row
from penstock_kit.database.quick_writer import QuickWriter, WriteStep
from penstock_kit.database.reconnect_window import ReconnectWindow
from penstock_kit.database.sqlite_driver import LOCK_SECONDS, RowsMissing
from penstock_kit.database.url import driver_url
from penstock_kit.database.write_ahead_log import WriteAheadLog
from penstock_kit.errors import Unavailable
from penstock_kit.home import ensure_home

_READERS: Final = 4
_CACHE_MB: Final = 8
_MMAP_MB: Final = 128
_RECONNECT_SECONDS: Final = 3.0
# Attempts to have no reader in the log at the end of the maintenance.
_CHECKPOINTS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """The result of :meth:`Database.maintain`: the size of the store in bytes before and after (0 when unknown)."""

    bytes_before: int
    bytes_after: int


class Phase(Enum):
    """Which statements a store takes: none (ABSENT), those that prepare its schema (PREPARED), or all (THERE)."""

    ABSENT = 0
    PREPARED = 1
    THERE = 2


class Database:
    """A connection to a SQL database: SQLite or PostgreSQL. Statements are SQLAlchemy Core; the same code runs on both
    stores.

    Both blocks turn a store that can't answer (disk full, read-only, locked, connection refused) into
    Unavailable (STORAGE_UNAVAILABLE), and a value that no column holds into InvalidArgument (VALUE_INVALID); an
    IntegrityError is the caller's to catch. A PostgreSQL that restarts within
    `reconnect_seconds` costs a wait and no failure. `phase` and
    `failure` are set by :func:`prepare_schema`.
    """

    def __init__(
        self,
        *,
        url: URL,
        writer: AsyncEngine,
        readers: AsyncEngine,
        quick: QuickReader | None = None,
        reconnect_seconds: float = 0.0,
        schema: str = "",
        lock_seconds: float = LOCK_SECONDS,
    ) -> None:
        self._url = url
        self.schema = schema
        self._quick = quick
        self._quick_writer = QuickWriter(writer.dialect) if self.is_sqlite else None
        self._reconnect_window = ReconnectWindow(reconnect_seconds)
        self.phase = Phase.THERE
        # Why the schema could not be prepared, though the store answers; empty unless that is so.
        self.failure = ""
        self._log = WriteAheadLog(url.database or "", lock_ms=int(lock_seconds * 1000)) if self.is_sqlite else None
        self.counts = DatabaseCounts(wal_bytes=self._wal_bytes if self.is_sqlite else None)
        self._writer = writer
        self._readers = readers
        # Shown to callers: not where the store is, only which one.
        self._name = Path(url.database or "").name if self.is_sqlite else f"{url.database} on PostgreSQL"

    @property
    def is_prepared(self) -> bool:
        """Whether the store was there since the start, its schema up to date; it may be away now."""
        return self.phase is Phase.THERE

    @property
    def is_sqlite(self) -> bool:
        """Whether the store is SQLite (PostgreSQL otherwise)."""
        return self._url.get_backend_name() == "sqlite"

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncConnection]:
        """Connect for reading. Each statement sees what was committed before it; on SQLite writing fails."""
        with self._count(is_write=False):
            async with self._reconnect_window.connect(self._readers) as connection:
                yield connection

    async def rows(self, statement: Executable, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """Return all rows of a reading statement, as it would see them in :meth:`read`.

        For statements that are module constants and that delay a response: on SQLite they cost a fraction of what they
        do there. Parameters are plain values; none may expand (``IN``).
        """
        if self._quick is None:
            async with self.read() as connection:
                return [tuple(row) for row in (await connection.execute(statement, parameters)).all()]
        with self._count(is_write=False):
            return await self._quick.rows(statement, parameters)

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[AsyncConnection]:
        """Open a transaction, committed at the end of the block, rolled back by an exception.

        On SQLite writers queue here (BEGIN IMMEDIATE on one connection): keep the block short, no
        waiting for the network inside.
        """
        with self._count(is_write=True):
            async with self._reconnect_window.connect(self._writer) as connection:
                async with connection.begin():
                    yield connection
                if self._log is not None and self._log.is_long():
                    await self._shorten(self._log, connection)

    async def execute_all(self, steps: Sequence[WriteStep]) -> None:
        """Execute all of `steps` in one transaction as :meth:`write` would. Raises RowsMissing where it must.

        For statements that are module constants and whose callers wait, or of which there are many: on SQLite the
        whole transaction is one trip to the connection. Parameters are plain values; none may expand (``IN``).
        """
        if self._quick_writer is None:
            async with self.write() as connection:
                for step in steps:
                    await _execute(connection, step)
            return
        with self._count(is_write=True):
            async with self._reconnect_window.connect(self._writer) as connection:
                await self._quick_writer.execute(connection, steps)
                if self._log is not None and self._log.is_long():
                    await self._shorten(self._log, connection)

    async def ping(self) -> None:
        """Return when the store answers and is prepared; raise Unavailable otherwise, without waiting."""
        if self.phase is not Phase.THERE:
            raise self._absent_error()
        with self._translate_errors():
            async with self._readers.connect() as connection:
                await connection.execute(text("SELECT 1"))

    async def maintain(self) -> Maintenance:
        """Refresh the planner's statistics, checkpoint the log and give free space back; readers go on meanwhile."""
        before = self._size()
        with _ErrorTranslation(self._name):
            async with self._writer.connect() as connection:
                unbegun = await connection.execution_options(**self._without_begin())
                for statement in self._maintenance_statements():
                    await unbegun.exec_driver_sql(statement)
                if self._log is not None:
                    await self._log.settle()
                    await _write_log_into_file(unbegun)
        return Maintenance(bytes_before=before, bytes_after=self._size())

    async def close(self) -> None:
        """Close all connections."""
        if self._quick is not None:
            await self._quick.close()
        if self._log is not None:
            await self._log.close()
        await self._readers.dispose()
        await self._writer.dispose()

    def _translate_errors(self) -> "_ErrorTranslation":
        if self.phase is Phase.ABSENT:
            raise self._absent_error()
        return _ErrorTranslation(self._name)

    def _count(self, *, is_write: bool) -> "_CountedBlock":
        if self.phase is Phase.ABSENT:
            raise self._absent_error()
        return _CountedBlock(self._name, self.counts, is_write=is_write)

    def _absent_error(self) -> Unavailable:
        if self.failure:
            return Unavailable(f"the database {self._name} cannot be used: {self.failure}", reason=REASON)
        return Unavailable(f"the database {self._name} was not there at the start and is waited for", reason=REASON)

    async def _shorten(self, log: WriteAheadLog, connection: AsyncConnection) -> None:
        unbegun = await connection.execution_options(**self._without_begin())
        await log.shorten(unbegun.exec_driver_sql)

    def _without_begin(self) -> dict[str, Any]:
        return {NO_BEGIN: True} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}

    def _maintenance_statements(self) -> tuple[str, ...]:
        if self.is_sqlite:
            return ("PRAGMA optimize = 0x10002", "VACUUM")
        return ("VACUUM (ANALYZE)",)

    def _wal_bytes(self) -> int:
        return 0 if self._log is None else self._log.bytes

    def _size(self) -> int:
        if not self.is_sqlite:
            return 0
        files = (Path(f"{self._url.database}{suffix}") for suffix in ("", "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())


def open_database(
    url: str,
    *,
    readers: int = _READERS,
    cache_mb: int = _CACHE_MB,
    mmap_mb: int = _MMAP_MB,
    reconnect_seconds: float = _RECONNECT_SECONDS,
    lock_seconds: float = LOCK_SECONDS,
    schema: str = "",
) -> Database:
    """Return the database at `url`; it connects on first use.

    `readers` is how many connections read at once (on PostgreSQL: kept open; twice as many at a peak),
    `cache_mb` and `mmap_mb` size SQLite's page cache per connection and its memory map, `reconnect_seconds` is for how
    many seconds from its first failure a PostgreSQL is waited for, `lock_seconds` for how long SQLite waits for
    a lock of another process. `schema` is where tables are looked for first on PostgreSQL, and made by
    :func:`migrate`. Raises InvalidArgument (DATABASE_URL_INVALID), or
    FailedPrecondition (HOME_INVALID) when the file's folder can't be written.
    """
    parsed = driver_url(url)
    if parsed.get_backend_name() != "sqlite":
        engine = postgresql(parsed, connections=readers, schema=schema)
        autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
        return Database(
            url=parsed, writer=engine, readers=autocommit, reconnect_seconds=reconnect_seconds, schema=schema
        )
    ensure_home(Path(parsed.database or "").parent)
    writing = writer_pragmas(cache_mb=cache_mb, mmap_mb=mmap_mb)
    reading = reader_pragmas(cache_mb=cache_mb, mmap_mb=mmap_mb)
    engine = sqlite_readers(parsed, readers=readers, pragmas=reading, lock_seconds=lock_seconds)
    return Database(
        url=parsed,
        writer=sqlite_writer(parsed, pragmas=writing, lock_seconds=lock_seconds),
        readers=engine,
        lock_seconds=lock_seconds,
        quick=QuickReader(parsed, engine.dialect, connections=readers, pragmas=reading),
    )


async def _write_log_into_file(connection: AsyncConnection) -> None:
    """Write the log into the file, which gives back what it needs no more; tried again while readers are in the log."""
    for _ in range(_CHECKPOINTS):
        busy = (await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")).scalar()
        if not busy:
            return


async def _execute(connection: AsyncConnection, step: WriteStep) -> None:
    if step.changes is None:
        if step.rows:
            await connection.execute(step.statement, list(step.rows))
        return
    # One by one: how many rows many of them change together PostgreSQL's driver does not tell.
    if sum([(await connection.execute(step.statement, row)).rowcount for row in step.rows]) != step.changes:
        raise RowsMissing


class _ErrorTranslation:
    """Turns failures of the store into what callers are told and lets everything else through."""

    def __init__(self, store: str) -> None:
        self._store = store

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):
            translated = storage_error(error, self._store)
            if translated is not None:
                raise translated from error


class _CountedBlock(_ErrorTranslation):
    """The same, and counts the block."""

    def __init__(self, store: str, counts: DatabaseCounts, *, is_write: bool) -> None:
        self._store = store
        self._counts = counts
        self._is_write = is_write
        self._began = 0.0

    def __enter__(self) -> None:
        self._counts.under_way += 1
        self._began = time.perf_counter()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._counts.end(time.perf_counter() - self._began, self._is_write)
        try:
            super().__exit__(kind, error, trace)
        except Unavailable:
            self._counts.failures += 1
            raise
