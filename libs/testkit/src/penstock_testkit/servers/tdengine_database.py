"""What a TDengine holds, in memory: databases, tables, tags and rows by time, with its limits."""

import time
from dataclasses import dataclass, field
from typing import Any, Final

from penstock_testkit.servers.tdengine_token import SqlError

_MOST_COLUMNS: Final = 4_096
_MOST_ROW: Final = 65_531
_MOST_NAME: Final = 64
_LAST_MICROS: Final = 31_556_995_200_000_000
"""The year 2970: TDengine takes no time after it."""
_SIZES: Final = {"TIMESTAMP": 8, "DOUBLE": 8, "BIGINT": 8, "BOOL": 1, "DECIMAL": 16}


@dataclass(slots=True, kw_only=True)
class Column:
    """A column: its type, and for texts how many characters it holds."""

    kind: str
    length: int

    @property
    def size(self) -> int:
        """Bytes of a row that it takes."""
        return {"NCHAR": 4 * self.length + 2, "VARCHAR": self.length + 2}.get(self.kind, _SIZES.get(self.kind, 8))


@dataclass(slots=True, kw_only=True)
class Table:
    """A table, or the tags of one: rows by time, each what its columns hold."""

    columns: dict[str, Column]
    rows: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])
    tags: dict[str, Any] = field(default_factory=dict[str, Any])
    parent: str = ""

    def check(self) -> None:
        """Raise SqlError when it has more than a table may."""
        if len(self.columns) > _MOST_COLUMNS:
            raise SqlError(0x2612, "Too many columns")
        if sum(each.size for each in self.columns.values()) > _MOST_ROW:
            raise SqlError(0x2613, "Row length exceeds the limit")
        if any(len(name) > _MOST_NAME for name in self.columns):
            raise SqlError(0x260D, "Invalid column name")

    def add(self, name: str, column: Column) -> None:
        """Add a column."""
        if name in self.columns:
            raise SqlError(0x03B1, "Column already exists")
        self.columns[name] = column
        try:
            self.check()
        except SqlError:
            del self.columns[name]
            raise

    def widen(self, name: str, column: Column) -> None:
        """Make a column of texts wider."""
        known = self.columns.get(name)
        if known is None:
            raise SqlError(0x2602, "Invalid column name")
        if known.kind != column.kind or known.length >= column.length:
            raise SqlError(0x2649, "Only wider columns of the same type are possible")
        self.columns[name] = column
        self.check()


@dataclass(slots=True, kw_only=True)
class Database:
    """A database: its tables, the super tables with the columns of their tags, and how long it keeps rows."""

    precision: str = "ms"
    keep_minutes: int = 3_650 * 1_440
    tables: dict[str, Table] = field(default_factory=dict[str, Table])
    supers: dict[str, dict[str, Column]] = field(default_factory=dict[str, dict[str, Column]])

    def table(self, name: str) -> Table:
        """Return the table. Raises SqlError when there is none."""
        if name not in self.tables:
            raise SqlError(0x2603, f"Table does not exist: {name}")
        return self.tables[name]

    def insert(self, name: str, columns: list[str], values: list[list[Any]]) -> int:
        """Write rows: what a row names replaces what is stored at its time, NULL too; the rest stays."""
        table = self.table(name)
        if not columns or columns[0] not in table.columns or table.columns[columns[0]].kind != "TIMESTAMP":
            raise SqlError(0x263C, "Primary timestamp column should not be null")
        if unknown := [each for each in columns if each not in table.columns]:
            raise SqlError(0x2602, f"Invalid column name: {unknown[0]}")
        for row in values:
            if len(row) != len(columns):
                raise SqlError(0x263D, "Illegal number of columns")
            for each, value in zip(columns, row, strict=True):
                _check(table.columns[each], value)
            self._check_time(int(row[0]))
        for row in values:
            table.rows.setdefault(int(row[0]), {}).update(zip(columns, row, strict=True))
        return len(values)

    def _check_time(self, micros: int) -> None:
        oldest = int(time.time() * 1_000_000) - self.keep_minutes * 60_000_000
        if not oldest <= micros <= _LAST_MICROS:
            raise SqlError(0x060B, "Timestamp data out of range")


def _check(column: Column, value: Any) -> None:
    if value is None:
        return
    if column.kind in {"NCHAR", "VARCHAR"}:
        if not isinstance(value, str):
            raise SqlError(0x2660, "Invalid text")
        length = len(value) if column.kind == "NCHAR" else len(value.encode())
        if length > column.length:
            raise SqlError(0x2653, "Value too long for column/tag")
    elif isinstance(value, str):
        raise SqlError(0x2660, f"Illegal {column.kind.lower()} data")
