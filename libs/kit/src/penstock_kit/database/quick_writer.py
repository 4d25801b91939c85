"""Writing to SQLite past the layers of an engine: a whole transaction in one trip to the connection's thread.

An engine begins, executes and commits in a trip each, with a greenlet around every one. What those cost is several
times what SQLite takes for a few rows, and it is taken from whoever waits for a turn of the loop.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy.engine import Dialect
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql import Executable

from penstock_kit.database.asynchronous import AsyncConnection
from penstock_kit.database.sqlite_driver import BoundStatement, SqliteConnection

Process = Callable[[Any], Any]
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteStep:
    """A statement without results that is executed for each of `rows`, which all name the same parameters.

    With `changes` the transaction is undone unless the step changes so many rows. A step without rows does nothing.
    """

    statement: Executable
    rows: Sequence[Values]
    changes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """A statement as the driver takes it; `processors` make of a parameter what SQLite has for it."""

    sql: str
    names: Sequence[str]
    constants: Values
    processors: Mapping[str, Process]

    def bind(self, row: Values) -> list[Any]:
        return [self._value(name, row) for name in self.names]

    def _value(self, name: str, row: Values) -> Any:
        if name not in row:
            return self.constants[name]
        process = self.processors.get(name)
        return row[name] if process is None else process(row[name])


class QuickWriter:
    """Executes the steps of transactions on the connection of an engine. Statements must be kept by their users."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._prepared: dict[tuple[Executable, tuple[str, ...]], _Prepared] = {}

    async def execute(self, connection: AsyncConnection, steps: Sequence[WriteStep]) -> None:
        """Execute all of `steps` in one transaction. Raises RowsMissing, IntegrityError, sqlite3.Error."""
        raw = await connection.get_raw_connection()
        driver = cast("SqliteConnection", raw.driver_connection)
        try:
            await driver.transact([self._bound(step) for step in steps if step.rows])
        except sqlite3.IntegrityError as error:
            raise IntegrityError(None, None, error) from error

    def _bound(self, step: WriteStep) -> BoundStatement:
        prepared = self._of(step)
        return BoundStatement(sql=prepared.sql, rows=[prepared.bind(row) for row in step.rows], changes=step.changes)

    def _of(self, step: WriteStep) -> _Prepared:
        name = (step.statement, tuple(step.rows[0]))
        prepared = self._prepared.get(name)
        if prepared is None:
            prepared = self._prepared[name] = self._compile(*name)
        return prepared

    def _compile(self, statement: Executable, names: tuple[str, ...]) -> _Prepared:
        untyped: Any = statement
        compiled = untyped.compile(dialect=self._dialect, column_keys=list(names))
        binds = compiled.binds
        processors = {
            name: binds[name].type.dialect_impl(self._dialect).bind_processor(self._dialect) for name in binds
        }
        return _Prepared(
            sql=compiled.string,
            names=tuple(compiled.positiontup),
            constants={name: bind.effective_value for name, bind in binds.items() if not bind.required},
            processors={name: process for name, process in processors.items() if process is not None},
        )
