"""Rows for every table of a service, values at the edges of their types among them, in a SQLite file."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Integer, LargeBinary, String, Table, UniqueConstraint

TEXTS = ("", "plain", "grün 温度 🔥", "line\nand\ttab", "'quoted' \"twice\" \\n", "\u200b\ufeff", "e\u0301")
INTEGERS = (0, 1, -1, 2**31 - 1, -(2**31))
WIDE = (*INTEGERS, 2**63 - 1, -(2**63), 253_402_300_799_999_999, 1_700_000_000_123_456)
NUMBERS = (0.0, 0.1, 1e308, -1e-308, float("inf"), float("-inf"), 5e-324)
JSON_TEXTS = ("{}", '{"a": "\\u0000"}', '{"b":[1, 2.50],  "c": "é"}', '["\\ud800"]', "null")


def fill_tables(file: Path, tables: Sequence[Table], rows: int) -> None:
    """Insert `rows` rows into each table of a file, parents first."""
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("PRAGMA foreign_keys = ON")
        for table in tables:
            insert(database, table, [row_of(table, number) for number in range(rows)])


def insert(database: sqlite3.Connection, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows as they are."""
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    marks = ", ".join("?" for _ in table.columns)
    database.executemany(f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', rows)


def row_of(table: Table, number: int) -> list[Any]:
    """Return the row `number` of a table."""
    return [_value(column, number) for column in table.columns]


def _value(column: "Column[Any]", number: int) -> Any:
    column = next((key.column for key in column.foreign_keys), column)
    unique = _is_unique(column)
    match column.type:
        case Boolean():
            return number % 2
        case Integer():
            edges = WIDE if isinstance(column.type, BigInteger) else INTEGERS
            return number + 1 if unique else edges[number % len(edges)]
        case Float():
            return None if column.nullable and number % 3 == 0 else NUMBERS[number % len(NUMBERS)]
        case LargeBinary():
            return bytes((number + place) % 256 for place in range(200))
        case JSON():
            return JSON_TEXTS[number % len(JSON_TEXTS)]
        case _:
            return _text(column, number, unique=bool(unique))


def _is_unique(column: "Column[Any]") -> bool:
    if column.primary_key or column.unique:
        return True
    table = _table(column)
    named = [index.columns for index in table.indexes if index.unique]
    named += [each.columns for each in table.constraints if isinstance(each, UniqueConstraint)]
    return any(column.name in columns for columns in named)


def _text(column: "Column[Any]", number: int, *, unique: bool) -> str | None:
    if unique:
        return f"{column.name}-{number:04}-ß"
    if column.nullable and number % 4 == 0:
        return None
    longest = column.type.length if isinstance(column.type, String) else None
    text = TEXTS[number % len(TEXTS)]
    return text if longest is None or len(text) <= longest else text[:longest]


def _table(column: "Column[Any]") -> Table:
    table = column.table
    assert isinstance(table, Table)
    return table


def dump(file: Path, tables: Sequence[Table]) -> str:
    """Return every row of a file as text."""
    with closing(sqlite3.connect(file)) as database:
        database.text_factory = bytes
        return json.dumps(
            {
                table.name: [
                    [repr(value) for value in row]
                    for row in database.execute(f'SELECT * FROM "{table.name}" ORDER BY 1, 2')
                ]
                for table in tables
            }
        )
