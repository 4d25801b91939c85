"""Reading from SQLite past the layers of an engine: for the few statements that a person waits for.

An engine's connection, its greenlets and results cost several times what SQLite takes for a look-up by key. Here a
statement is compiled once, and run and fetched in one trip to a connection's thread.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import URL, Dialect
from sqlalchemy.sql import Executable, Select

from penstock_kit.database.sqlite_driver import SqliteConnection, connect

Process = Callable[[Any], Any]
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """A statement as the driver takes it; `processors` by column, for those whose values are not what SQLite has."""

    sql: str
    names: Sequence[str]
    constants: Mapping[str, Any]
    processors: Sequence[tuple[int, Process]]

    def values(self, parameters: Mapping[str, Any]) -> list[Any]:
        constants = self.constants
        return [parameters[name] if name in parameters else constants[name] for name in self.names]

    def row(self, row: Row) -> Row:
        made = list(row)
        for at, process in self.processors:
            made[at] = process(made[at])
        return tuple(made)


class QuickReader:
    """Up to `connections` connections of its own, opened when they are needed and prepared by `pragmas`.

    Statements must be kept by their users: what was compiled is found by the statement itself. Their parameters are
    passed as they are, and none may expand (``IN``).
    """

    def __init__(self, url: URL, dialect: Dialect, *, connections: int, pragmas: Sequence[str]) -> None:
        self._path = url.database or ""
        self._dialect = dialect
        self._pragmas = pragmas
        self._room = asyncio.Semaphore(connections)
        self._idle: list[SqliteConnection] = []
        self._prepared: dict[Executable, _Prepared] = {}
        self._closed = False

    async def rows(self, statement: Executable, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """Return all rows of `statement`. Raises sqlite3.Error."""
        prepared = self._prepared.get(statement)
        if prepared is None:
            prepared = self._prepared[statement] = self._compile(statement)
        async with self._room:
            connection = self._idle.pop() if self._idle else await self._open()
            try:
                _, rows = await connection.run(prepared.sql, prepared.values(parameters))
            except sqlite3.Error:
                await connection.close()
                raise
            except BaseException:
                await self._release(connection)
                raise
            await self._release(connection)
        return [prepared.row(row) for row in rows] if prepared.processors else rows

    async def close(self) -> None:
        """Close the connections; those in use, when they are given back."""
        self._closed = True
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.close()

    async def _release(self, connection: SqliteConnection) -> None:
        if self._closed:
            await connection.close()
        else:
            self._idle.append(connection)

    async def _open(self) -> SqliteConnection:
        return await connect(self._path, pragmas=self._pragmas, isolation_level=None)

    def _compile(self, statement: Executable) -> _Prepared:
        untyped: Any = statement
        compiled = untyped.compile(dialect=self._dialect)
        return _Prepared(
            sql=compiled.string,
            names=tuple(compiled.positiontup),
            constants=dict(compiled.params),
            processors=tuple(self._processors(statement)),
        )

    def _processors(self, statement: Executable) -> list[tuple[int, Process]]:
        if not isinstance(statement, Select):
            return []
        columns: Any = statement.selected_columns  # pyright: ignore[reportUnknownMemberType]
        found = (column.type.dialect_impl(self._dialect).result_processor(self._dialect, None) for column in columns)
        return [(at, process) for at, process in enumerate(found) if process is not None]
