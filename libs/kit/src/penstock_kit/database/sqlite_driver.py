"""Connections of :mod:`sqlite3` for asyncio: each has a thread, and a statement with all its rows is one trip to it.

SQLAlchemy makes a cursor, executes, fetches and closes: four trips with the cursor of aiosqlite, each of them about a
tenth of a millisecond. Here a statement is one, and cursors live where they are asked for. SQLAlchemy's dialect for
aiosqlite takes these connections in place of aiosqlite's (its `async_creator_fn`).
"""

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Final, Self

LOCK_SECONDS: Final = 5.0
# Share of that which the next transactions wait while a lock outlasts it: those behind one another would add up.
_LOCKED_SHARE: Final = 0.02
_BEGIN: Final = "BEGIN IMMEDIATE"
# Seconds between two attempts at a statement that met a lock for which SQLite does not wait by itself.
_RETRY_SECONDS: Final = 0.02


class RowsMissing(Exception):  # noqa: N818 - what it says, not that something went wrong
    """A statement changed another number of rows than it was to change, and its transaction was undone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundStatement:
    """A statement to be executed for each of `rows`; `changes`: how many rows it must change in all, None for any."""

    sql: str
    rows: Sequence[Sequence[Any]]
    changes: int | None = None


_Call = tuple[Callable[[], Any], "asyncio.Future[Any] | None"]


def connect(
    path: str, *, pragmas: Sequence[str] = (), lock_seconds: float = LOCK_SECONDS, **options: Any
) -> "SqliteConnection":
    """Return a connection to the file at `path`, to be awaited.

    It runs `pragmas` first. Its statements, and they too, wait up to `lock_seconds` for the locks of others; when a
    transaction could not be begun in that time, the next ones wait a fiftieth of it until one can. The other options
    are those of :func:`sqlite3.connect`.
    """
    return SqliteConnection(lambda: _open(path, pragmas, lock_seconds, options), lock_seconds=lock_seconds)


class SqliteConnection:
    """A connection and the thread that opens, uses and closes it."""

    def __init__(self, open_it: Callable[[], sqlite3.Connection], *, lock_seconds: float = LOCK_SECONDS) -> None:
        self._open_it = open_it
        self._lock_seconds = lock_seconds
        self._refused_at = float("-inf")
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._stopped = False
        self._last: asyncio.Future[Any] | None = None
        # SQLAlchemy's dialect looks whether there is one.
        self._connection: sqlite3.Connection | None = None

    def __await__(self) -> Generator[Any, None, Self]:
        return self._start().__await__()

    @property
    def isolation_level(self) -> str | None:
        """How sqlite3 begins transactions by itself; None where it does not."""
        return self._open_connection().isolation_level

    def cursor(self) -> "SqliteCursor":
        """Return a cursor; nothing happens yet."""
        return SqliteCursor(self)

    async def run(self, sql: str, parameters: Any = (), *, many: bool = False) -> tuple[sqlite3.Cursor, Sequence[Any]]:
        """Execute a statement and return its cursor and all its rows."""
        return await self._call(lambda: self._run(sql, parameters, many))

    async def transact(self, statements: Sequence[BoundStatement]) -> None:
        """Execute all of `statements` in a transaction of their own, or none, in one trip. Raises RowsMissing."""
        await self._call(lambda: self._transact(statements))

    async def create_function(self, *arguments: Any, **options: Any) -> None:
        """Make a Python function one of SQL's; the arguments are sqlite3's."""
        await self._call(lambda: self._open_connection().create_function(*arguments, **options))

    async def commit(self) -> None:
        """Commit the transaction."""
        await self._call(lambda: self._open_connection().commit())

    async def rollback(self) -> None:
        """Roll the transaction back, if there is one."""
        if self._may_be_in_transaction():
            await self._call(lambda: self._open_connection().rollback())

    async def close(self) -> None:
        """Close the connection when the statements before are done; a second time does nothing."""
        if (closed := self.stop()) is not None:
            await asyncio.shield(closed)

    def stop(self) -> "asyncio.Future[None] | None":
        """Close the connection like :meth:`close`; return what is done when it is closed."""
        if self._stopped:
            return None
        self._stopped = True
        closed = asyncio.get_running_loop().create_future()
        self._calls.put((self._close, closed))
        self._calls.put(None)
        return closed

    async def _start(self) -> Self:
        # A daemon: a connection that is not closed must not keep the process alive.
        threading.Thread(target=_work, args=(self._calls,), name="sqlite", daemon=True).start()
        try:
            await self._call(self._open)
        except BaseException:
            self.stop()
            raise
        return self

    async def _call(self, function: Callable[[], Any]) -> Any:
        if self._stopped:
            raise ValueError("connection closed")  # which the dialect knows
        future = self._last = asyncio.get_running_loop().create_future()
        self._calls.put((function, future))
        return await future

    def _may_be_in_transaction(self) -> bool:
        """Whether there is a transaction, or a statement that somebody left may be beginning one."""
        last, connection = self._last, self._connection
        if last is None or connection is None or last.cancelled() or not last.done():
            return True
        return connection.in_transaction

    def _open_connection(self) -> sqlite3.Connection:
        if self._connection is None:
            raise ValueError("no active connection")
        return self._connection

    def _open(self) -> None:
        self._connection = self._open_it()

    def _run(self, sql: str, parameters: Any, many: bool) -> tuple[sqlite3.Cursor, Sequence[Any]]:
        connection = self._open_connection()
        if sql == _BEGIN:
            return self._begin(connection), ()
        cursor = connection.executemany(sql, parameters) if many else connection.execute(sql, parameters)
        return cursor, cursor.fetchall() if cursor.description else ()

    def _transact(self, statements: Sequence[BoundStatement]) -> None:
        connection = self._open_connection()
        self._begin(connection)
        try:
            for each in statements:
                changed = connection.executemany(each.sql, each.rows).rowcount
                if each.changes is not None and changed != each.changes:
                    raise RowsMissing
            connection.commit()
        except BaseException:
            connection.rollback()
            raise

    def _begin(self, connection: sqlite3.Connection) -> sqlite3.Cursor:
        """Begin a transaction that writes, with little patience where another's lock was waited for in vain."""
        is_locked = time.monotonic() - self._refused_at < self._lock_seconds
        if is_locked:
            _set_patience(connection, self._lock_seconds * _LOCKED_SHARE)
        try:
            begun = connection.execute(_BEGIN)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                self._refused_at = time.monotonic()
            raise
        finally:
            if is_locked:
                _set_patience(connection, self._lock_seconds)
        self._refused_at = float("-inf")
        return begun

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _work(calls: SimpleQueue[_Call | None]) -> None:
    """Make the calls until there is a None, and let their futures know what came of them."""
    while (call := calls.get()) is not None:
        function, future = call
        try:
            result, error = function(), None
        except BaseException as raised:  # noqa: BLE001 - it is raised where it is awaited
            result, error = None, raised
        if future is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody awaits it
                future.get_loop().call_soon_threadsafe(_set_outcome, future, result, error)
        del call, function, future, result, error  # nothing of a call stays alive until the next one


def _set_outcome(future: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def _set_patience(connection: sqlite3.Connection, seconds: float) -> None:
    connection.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")


def _open(path: str, pragmas: Sequence[str], lock_seconds: float, options: dict[str, Any]) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=lock_seconds, **options)
    try:
        for pragma in pragmas:
            _execute_past_locks(connection, pragma, lock_seconds)
    except BaseException:
        connection.close()
        raise
    return connection


def _execute_past_locks(connection: sqlite3.Connection, sql: str, lock_seconds: float) -> None:
    """Execute a statement, again and again for `lock_seconds` where a lock is in the way.

    SQLite's own waiting does not help a connection that switches a new file to WAL while another does: both have read
    it and would wait for each other, so that SQLite fails at once.
    """
    deadline = time.monotonic() + lock_seconds
    while True:
        try:
            connection.execute(sql).close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
        else:
            return
        time.sleep(_RETRY_SECONDS)


class SqliteCursor:
    """What SQLAlchemy asks of a cursor."""

    arraysize = 1

    def __init__(self, connection: SqliteConnection) -> None:
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
        return await self._run(sql, parameters, many=False)

    async def executemany(self, sql: str, parameters: Iterable[Any]) -> Self:
        """Execute a statement for each of the parameters."""
        return await self._run(sql, parameters, many=True)

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

    async def _run(self, sql: str, parameters: Any, *, many: bool) -> Self:
        self._cursor, rows = await self._connection.run(sql, parameters, many=many)
        self._rows = deque(rows)
        return self
