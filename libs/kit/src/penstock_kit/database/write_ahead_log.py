"""SQLite's write-ahead log: copied into the file beside the writers, and begun anew when readers keep it long."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from penstock_kit.database.sqlite_driver import SqliteConnection, connect

# What a connection that writes is told: the copying is not its own, and a log that begins anew gives back its space, so
# that the size of the file is that of the log.
WRITER_PRAGMAS: Final = ("PRAGMA wal_autocheckpoint = 0", "PRAGMA journal_size_limit = 0")

# Bytes of the log that are copied at once, as SQLite itself would; above the second number a writer begins it anew,
# above the third it waits for readers in earnest.
_COPIED_BYTES: Final = 4 * 1024 * 1024
_LONG_BYTES: Final = 16 * 1024 * 1024
_LONGEST_BYTES: Final = 32 * 1024 * 1024
# How long one attempt waits for readers, and seconds between two.
_WAIT_MS: Final = 20
_ATTEMPT_SECONDS: Final = 0.25
# The same in earnest, and by how much the log grows between two: a reader that goes on for long is not waited for by
# every write.
_LONG_WAIT_MS: Final = 500
_ATTEMPT_BYTES: Final = 4 * 1024 * 1024

Execute = Callable[[str], Awaitable[Any]]


class WriteAheadLog:
    """The log beside the file at `path`, whose writer waits up to `lock_ms` for locks of others.

    A checkpoint writes some megabytes and has the disk write them: the commit that SQLite lets do it takes many times
    as long as others. Here a connection of its own does it, which hinders nobody. The log then begins anew by itself,
    unless there is always a reader in it: then a writer begins it anew, when there is little left to copy.
    """

    def __init__(self, path: str, *, lock_ms: int) -> None:
        self._path = path
        self._log = Path(f"{path}-wal")
        self._lock_ms = lock_ms
        self._connection: SqliteConnection | None = None
        self._copying: asyncio.Task[None] | None = None
        # The size of the log when the last copying began.
        self._copied = 0
        self._next_attempt = 0.0
        # The size of the log at the last attempt that waited long, in vain.
        self._in_vain = 0

    @property
    def bytes(self) -> int:
        """The size of the log, 0 without one."""
        try:
            return self._log.stat().st_size
        except OSError:
            return 0

    def is_long(self) -> bool:
        """Return whether something is to be done about the log."""
        return self.bytes > _COPIED_BYTES

    async def shorten(self, execute: Execute) -> None:
        """Do something about a long log; `execute` runs a statement on the writer's connection outside of transactions.

        Mostly that is to have it copied meanwhile.
        """
        size = self.bytes
        if size < self._copied:  # it began anew
            self._copied = self._in_vain = 0
        if size - self._copied > _COPIED_BYTES:
            self._copy(size)
        if size > _LONGEST_BYTES and size - self._in_vain > _ATTEMPT_BYTES:
            await self._begin_anew(execute, _LONG_WAIT_MS)
            self._in_vain = self.bytes
        elif size > _LONG_BYTES and time.monotonic() >= self._next_attempt:
            await self._begin_anew(execute, _WAIT_MS)

    async def settle(self) -> None:
        """Return when no copying goes on, which would keep others from it."""
        if self._copying is not None:
            await asyncio.wait([self._copying])

    async def close(self) -> None:
        """End the copying, and close its connection."""
        await self.settle()
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    def _copy(self, size: int) -> None:
        if self._copying is None:
            self._copied = size
            self._copying = asyncio.create_task(self._copy_now())

    async def _copy_now(self) -> None:
        try:
            # What hinders it (a full disk) hinders the next commit too, which says so.
            with contextlib.suppress(sqlite3.Error, ValueError):
                if self._connection is None:
                    self._connection = await connect(self._path)
                await self._connection.run("PRAGMA wal_checkpoint(PASSIVE)")
        finally:
            self._copying = None

    async def _begin_anew(self, execute: Execute, wait_ms: int) -> None:
        await self.settle()
        await execute(f"PRAGMA busy_timeout = {wait_ms}")
        try:
            await execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            await execute(f"PRAGMA busy_timeout = {self._lock_ms}")
        self._next_attempt = time.monotonic() + _ATTEMPT_SECONDS
