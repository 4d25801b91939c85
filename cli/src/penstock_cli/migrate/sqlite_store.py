"""Records in a SQLite file, read and written as they are: no type of SQLAlchemy's comes between."""

# ruff: noqa: S608 - names of tables and columns are our own, and quoted

import json
import sqlite3
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Boolean, Table

from penstock_cli.failure import CommandFailed
from penstock_cli.migrate.store import Progress
from penstock_cli.migrate.value import Key, Row, from_sqlite

_FETCH: Final = 50
_ORPHANS: Final = 20
_WAIT_SECONDS: Final = 2.0


class SqliteRecords:
    """A RecordStore over `file`.

    With `alone` no other process can have the file open meanwhile: raises CommandFailed when one has.
    """

    is_sqlite = True

    def __init__(self, file: Path, progress_table: str, *, alone: bool) -> None:
        self.title = str(file)
        self._progress = f'"{progress_table}"'
        self._connection = sqlite3.connect(file, timeout=_WAIT_SECONDS, isolation_level=None)
        self._connection.text_factory = _text
        self._connection.execute("PRAGMA foreign_keys = ON")
        if alone:
            self._keep_others_out(file)
        else:
            self._connection.execute("PRAGMA query_only = ON")
            self._connection.execute("BEGIN")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    async def revision(self, version_table: str) -> str:
        """Return the revision of the schema."""
        there = self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (version_table,)).fetchone()
        if not there:
            return ""
        return str(self._connection.execute(f'SELECT version_num FROM "{version_table}"').fetchone()[0])

    async def count(self, table: Table) -> int:
        """Count the rows."""
        return int(self._connection.execute(f'SELECT count(*) FROM "{table.name}"').fetchone()[0])

    async def rows(self, table: Table, after: Key | None = None) -> AsyncGenerator[Row]:
        """Yield the rows in the order of their keys."""
        columns = list(table.columns)
        names = ", ".join(f'"{column.name}"' for column in columns)
        key = ", ".join(f'"{column.name}"' for column in table.primary_key.columns)
        marks = ", ".join("?" for _ in after or ())
        where = f"WHERE ({key}) > ({marks})" if after is not None else ""
        cursor = self._connection.execute(f'SELECT {names} FROM "{table.name}" {where} ORDER BY {key}', after or ())
        while found := cursor.fetchmany(_FETCH):
            for row in found:
                yield tuple(from_sqlite(column, value) for column, value in zip(columns, row, strict=True))

    async def orphans(self, table: Table) -> Sequence[str]:
        """Ask SQLite for rows whose parent is not there."""
        found = self._connection.execute(f'PRAGMA foreign_key_check("{table.name}")').fetchmany(_ORPHANS)
        names = [column.name for column in table.primary_key.columns]
        key = ", ".join(f'"{name}"' for name in names)
        lines: list[str] = []
        for _, rowid, parent, _ in found:
            values = self._connection.execute(f'SELECT {key} FROM "{table.name}" WHERE rowid = ?', (rowid,)).fetchone()
            said = ", ".join(f"{name} {value!r}" for name, value in zip(names, values, strict=True))
            lines.append(f"{table.name} ({said}): its row of {parent} is not there")
        return lines

    async def sequence(self, table: Table) -> int | None:
        """Return the highest id, or what SQLite keeps beside it."""
        column = table.autoincrement_column
        if column is None or not column.autoincrement:
            return None
        highest = self._connection.execute(f'SELECT max("{column.name}") FROM "{table.name}"').fetchone()[0] or 0
        return max(int(highest), self._kept_sequence(table))

    async def set_sequence(self, table: Table, last: int) -> None:
        """Raise what SQLite keeps; a table without such a thing goes on after its highest id."""
        if self._kept_sequence(table) or self._has_sequences():
            self._connection.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (last, table.name))

    async def progress(self) -> Mapping[str, Progress] | None:
        """Read the table of the progress."""
        named = self._progress.strip('"')
        if not self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (named,)).fetchone():
            return None
        found = self._connection.execute(f"SELECT table_name, last_key, row_count, finished FROM {self._progress}")
        return {
            name: Progress(rows=rows, last_key=tuple(json.loads(key)) if key else None, finished=bool(done))
            for name, key, rows, done in found
        }

    async def begin(self) -> None:
        """Make the table of the progress."""
        self._connection.execute(
            f"CREATE TABLE IF NOT EXISTS {self._progress} "
            "(table_name TEXT PRIMARY KEY, last_key TEXT, row_count INTEGER NOT NULL, finished INTEGER NOT NULL)"
        )

    async def write(self, table: Table, rows: Sequence[Row], progress: Progress) -> None:
        """Insert the rows."""
        marks = ", ".join("?" for _ in table.columns)
        names = ", ".join(f'"{column.name}"' for column in table.columns)
        booleans = [place for place, column in enumerate(table.columns) if isinstance(column.type, Boolean)]
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            statement = f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})'
            self._connection.executemany(statement, [_for_sqlite(row, booleans) for row in rows])
            self._note(table.name, progress)
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise

    async def note(self, table_name: str, progress: Progress) -> None:
        """Write a row of the progress."""
        self._note(table_name, progress)

    def forget_progress(self) -> None:
        """Drop the table of the progress and bring everything into the one file."""
        self._connection.execute(f"DROP TABLE IF EXISTS {self._progress}")
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _note(self, table_name: str, progress: Progress) -> None:
        key = None if progress.last_key is None else json.dumps(progress.last_key)
        values = (table_name, key, progress.rows, progress.finished)
        self._connection.execute(f"INSERT OR REPLACE INTO {self._progress} VALUES (?, ?, ?, ?)", values)

    def _keep_others_out(self, file: Path) -> None:
        """Take the file for this process alone, which fails while another has it open, though it be idle."""
        try:
            self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._connection.execute("BEGIN EXCLUSIVE")
            self._connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self._connection.close()
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise CommandFailed(f"{file} can't be read: {error}") from None
            raise CommandFailed(f"another process has {file} open: stop Penstock (or that service) first") from None

    def _has_sequences(self) -> bool:
        return bool(self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone())

    def _kept_sequence(self, table: Table) -> int:
        if not self._has_sequences():
            return 0
        row = self._connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table.name,)).fetchone()
        return int(row[0]) if row else 0


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _for_sqlite(row: Row, booleans: Sequence[int]) -> Sequence[Any]:
    if not booleans:
        return row
    changed = list(row)
    for place in booleans:
        changed[place] = None if changed[place] is None else int(changed[place])
    return changed
