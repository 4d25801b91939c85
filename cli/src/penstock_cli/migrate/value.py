"""Values as both stores hold them: whether one fits its column, its bytes for a checksum, its place in the order."""

import json
import math
import struct
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Integer, LargeBinary, String, Table

Row = tuple[Any, ...]
Key = tuple[Any, ...]

_NAN: Final = b"rnan"
_SHOWN: Final = 60
# PostgreSQL refuses a longer entry of an index, the value of a column alone counted.
_INDEXED_BYTES: Final = 2600


def canonical(value: Any) -> bytes:
    """Return the bytes that stand for a value in a checksum: of equal values the same, of others never.

    0.0 and -0.0 count as equal, since SQLite keeps no sign of a zero; every NaN is the same.
    """
    match value:
        case None:
            return b"n"
        case bool():
            return b"t" if value else b"f"
        case int():
            return b"i%d;" % value
        case float():
            return _NAN if math.isnan(value) else b"r" + struct.pack(">d", value or 0.0)
        case str():
            text = value.encode("utf-8", "surrogatepass")
            return b"s%d:%b" % (len(text), text)
        case _:
            content = bytes(value)
            return b"b%d:%b" % (len(content), content)


def order_of(key: Key) -> tuple[Any, ...]:
    """Return what sorts keys as the stores do: texts by their bytes."""
    return tuple(each.encode("utf-8", "surrogatepass") if isinstance(each, str) else each for each in key)


def key_positions(table: Table) -> list[int]:
    """Return where in a row the columns of the primary key are, in their order there."""
    names = [column.name for column in table.columns]
    return [names.index(column.name) for column in table.primary_key.columns]


def from_sqlite(column: "Column[Any]", value: Any) -> Any:
    """Return a value of SQLite's driver as the column's type means it; what it can't mean is left as it is."""
    if isinstance(column.type, Boolean) and type(value) is int and value in {0, 1}:
        return bool(value)
    return value


def problem(column: "Column[Any]", value: Any, *, into_sqlite: bool) -> str:
    """Return why the column can't hold the value in the other store, empty when it can."""
    if value is None:
        return "" if column.nullable else "is missing, which the column does not allow"
    return _of_wrong_type(column, value) or _in_sqlite(value) if into_sqlite else _in_postgresql(column, value)


def _in_postgresql(column: "Column[Any]", value: Any) -> str:
    wrong = _of_wrong_type(column, value)
    if wrong or not isinstance(value, str | int | bytes):
        return wrong
    if isinstance(value, str):
        return _text_problem(column, value)
    narrow = isinstance(column.type, Integer) and not isinstance(column.type, BigInteger)
    if narrow and isinstance(value, int) and not -(2**31) <= value < 2**31:
        return f"is {value}, more than 32 bits hold"
    return ""


def _in_sqlite(value: Any) -> str:
    return "is not a number (NaN), which SQLite keeps as missing" if value != value else ""  # noqa: PLR0124


def _of_wrong_type(column: "Column[Any]", value: Any) -> str:
    wanted, name = _wanted(column)
    return "" if type(value) in wanted else f"is {shown(value)}, which is no {name}"


def _wanted(column: "Column[Any]") -> tuple[tuple[type, ...], str]:
    match column.type:
        case Boolean():
            return (bool,), "truth value"
        case Integer():
            return (int,), "integer"
        case Float():
            return (float,), "number"
        case LargeBinary():
            return (bytes,), "bytes"
        case _:
            return (str,), "text"


def _text_problem(column: "Column[Any]", text: str) -> str:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return "has bytes that are no UTF-8, or half a character"
    if "\0" in text:
        return f"has a NUL at character {text.index(chr(0)) + 1}"
    longest = column.type.length if isinstance(column.type, String) else None
    if longest is not None and len(text) > longest:
        return f"has {len(text)} characters, the column holds {longest}"
    if isinstance(column.type, JSON) and not _is_json(text):
        return f"is {shown(text)}, which is no JSON"
    if size > _INDEXED_BYTES and _is_indexed(column):
        return f"has {size} bytes, an index holds {_INDEXED_BYTES}"
    return ""


def _is_json(text: str) -> bool:
    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        json.loads(text, parse_constant=refuse)
    except ValueError:
        return False
    return True


def _is_indexed(column: "Column[Any]") -> bool:
    table: Table = column.table  # type: ignore[assignment]
    return bool(column.primary_key or column.unique) or any(column.name in index.columns for index in table.indexes)


def shown(value: Any) -> str:
    """Return a value for a message: short, on one line."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
