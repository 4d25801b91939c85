"""aiosqlite with one trip to its thread for a statement.

SQLAlchemy makes a cursor, executes, fetches and closes: four trips with aiosqlite's own cursor, each of them about a
tenth of a millisecond. Here a statement and all its rows are one, and the rest happens where it is asked for.
"""

import sqlite3
from collections import deque
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final, Self

import aiosqlite

_CHUNK: Final = 64


def connect(database: str, **options: Any) -> "QuickConnection":
    """Return a connection, to be awaited; the options are those of :func:`sqlite3.connect`."""
    return QuickConnection(partial(sqlite3.connect, database, **options), _CHUNK)


class QuickConnection(aiosqlite.Connection):
    """A connection whose cursors live in the caller's thread; their statements still run in the connection's."""

    def __init__(self, connector: Any, iter_chunk_size: int) -> None:
        super().__init__(connector, iter_chunk_size)
        # A connection that is not closed must not keep the process alive.
        self._thread.daemon = True

    def cursor(self) -> "QuickCursor":  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return a cursor; nothing happens yet."""
        return QuickCursor(self)

    async def run(self, sql: str, parameters: Any, *, many: bool) -> tuple[sqlite3.Cursor, Sequence[Any]]:
        """Execute a statement and return its cursor and all its rows."""
        return await self._execute(self._run, sql, parameters, many)  # pyright: ignore[reportUnknownMemberType]

    def _run(self, sql: str, parameters: Any, many: bool) -> tuple[sqlite3.Cursor, Sequence[Any]]:
        cursor = self._conn.executemany(sql, parameters) if many else self._conn.execute(sql, parameters)
        return cursor, cursor.fetchall() if cursor.description else ()


class QuickCursor:
    """What SQLAlchemy asks of a cursor."""

    arraysize = 1

    def __init__(self, connection: QuickConnection) -> None:
        self._connection = connection
        self._cursor: sqlite3.Cursor | None = None
        self._rows: deque[Any] = deque()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def description(self) -> Any:
        """The columns of the last statement, None when it has no rows to give."""
        return None if self._cursor is None else self._cursor.description

    @property
    def rowcount(self) -> int:
        """Rows that the last statement changed, -1 when that means nothing."""
        return -1 if self._cursor is None else self._cursor.rowcount

    @property
    def lastrowid(self) -> int | None:
        """The row that the last statement inserted."""
        return None if self._cursor is None else self._cursor.lastrowid

    async def execute(self, sql: str, parameters: Any = ()) -> Self:
        """Execute a statement and have all its rows at hand."""
        return await self._ran(sql, parameters, many=False)

    async def executemany(self, sql: str, parameters: Iterable[Any]) -> Self:
        """Execute a statement for each of the parameters."""
        return await self._ran(sql, parameters, many=True)

    async def fetchone(self) -> Any:
        """Return the next row, None after the last."""
        return self._rows.popleft() if self._rows else None

    async def fetchmany(self, size: int | None = None) -> Sequence[Any]:
        """Return the next rows."""
        return [self._rows.popleft() for _ in range(min(size or self.arraysize, len(self._rows)))]

    async def fetchall(self) -> Sequence[Any]:
        """Return the rows that are left."""
        rows, self._rows = self._rows, deque()
        return rows

    async def close(self) -> None:
        """Let the rows go; the statement is over since they were all fetched."""
        self._rows.clear()

    async def _ran(self, sql: str, parameters: Any, *, many: bool) -> Self:
        self._cursor, rows = await self._connection.run(sql, parameters, many=many)
        self._rows = deque(rows)
        return self
