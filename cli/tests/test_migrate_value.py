"""What the other store can hold of a value, at its edges, and that of equal values alone the checksums are equal."""

from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

from penstock_cli.migrate.value import canonical, from_sqlite, key_positions, order_of, problem

TABLE = Table(
    "t",
    MetaData(),
    Column("note", Text, nullable=True),
    Column("tenant", String(5), primary_key=True),
    Column("id", String(4000), primary_key=True),
    Column("small", Integer, nullable=False),
    Column("big", BigInteger, nullable=False),
    Column("share", Float, nullable=False),
    Column("on", Boolean, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("form", JSON, nullable=False),
    Column("searched", Text, nullable=False),
    Index("by_searched", "searched"),
)
HOLDS: list[tuple[str, Any, str]] = [
    ("small", 2**31 - 1, ""), ("small", 2**31, "more than 32 bits"), ("small", -(2**31), ""),
    ("small", -(2**31) - 1, "more than 32 bits"), ("small", 1.0, "is no integer"), ("small", True, "is no integer"),
    ("big", 2**31, ""), ("big", "1", "is no integer"), ("on", True, ""), ("on", 1, "is no truth value"),
    ("share", 1.5, ""), ("share", 1, "is no number"), ("data", b"", ""), ("data", "", "is no bytes"),
    ("tenant", "12345", ""), ("tenant", "123456", "has 6 characters, the column holds 5"), ("tenant", "设备设备设", ""),
    ("note", "a\0b", "has a NUL at character 2"), ("note", "\ud800", "no UTF-8"), ("note", None, ""),
    ("tenant", None, "is missing"), ("note", 5, "is no text"), ("form", '{"a": 1}', ""), ("form", "{", "is no JSON"),
    ("form", "NaN", "is no JSON"), ("note", "x" * 5000, ""), ("searched", "x" * 2600, ""),
    ("searched", "x" * 2601, "has 2601 bytes, an index holds 2600"), ("id", "x" * 2600, ""),
    ("id", "设" * 867, "has 2601 bytes, an index holds 2600"),
]  # fmt: skip


@pytest.mark.parametrize(("column", "value", "why"), HOLDS)
def test_what_postgresql_cannot_hold_is_told_at_its_edge(column: str, value: Any, why: str) -> None:
    told = problem(TABLE.c[column], value, into_sqlite=False)
    assert why in told
    assert bool(told) is bool(why)


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("share", float("nan"), "keeps as missing"), ("share", 1.5, ""), ("share", float("inf"), ""),
        ("small", 2**31, ""), ("tenant", "123456", ""), ("tenant", None, "is missing"), ("on", 1, "is no truth value"),
    ],
)  # fmt: skip
def test_what_sqlite_cannot_hold_is_told(column: str, value: Any, why: str) -> None:
    told = problem(TABLE.c[column], value, into_sqlite=True)
    assert why in told
    assert bool(told) is bool(why)


def test_of_sqlites_values_only_one_and_zero_are_truth_values() -> None:
    read = [from_sqlite(TABLE.c.on, value) for value in (1, 0, 2, None, True)]
    assert read == [True, False, 2, None, True]
    assert [type(value) for value in read] == [bool, bool, int, type(None), bool]
    assert from_sqlite(TABLE.c.small, 1) == 1
    assert type(from_sqlite(TABLE.c.small, 1)) is int


def test_equal_values_have_the_same_bytes_and_others_never() -> None:
    values: list[Any] = [
        None, True, False, 1, 0, -1, 1.0, 0.5, float("inf"), float("nan"), "", "1", "n", "t", "设", b"", b"1",
        "i1;", b"i1;",
    ]  # fmt: skip
    assert len({canonical(value) for value in values}) == len(values)
    assert canonical(0.0) == canonical(-0.0)
    assert canonical(float("nan")) == canonical(-float("nan"))
    assert canonical(bytearray(b"1")) == canonical(b"1")
    apart = canonical("a") + canonical("bc"), canonical("ab") + canonical("c")
    assert apart[0] != apart[1], "where one value ends is in it"


def test_keys_are_ordered_by_the_bytes_of_their_texts_and_found_where_they_stand() -> None:
    assert key_positions(TABLE) == [1, 2]
    keys = [("ｚ", 1), ("😀", 1), ("a", 10), ("a", 9), ("B", 1)]
    assert sorted(keys, key=order_of) == [("B", 1), ("a", 9), ("a", 10), ("ｚ", 1), ("😀", 1)]
