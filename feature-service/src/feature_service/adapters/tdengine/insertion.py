"""Rows as INSERT statements: each row whole in one statement, each value beside those that are given with it.

A column that a row does not name keeps what it has; one that is named with NULL loses it. So rows are written by the
fields they have values of.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from feature_service.adapters.tdengine.catalogue import Series
from feature_service.adapters.tdengine.literal import number_literal, text_literal
from feature_service.adapters.tdengine.name import PRESENT, TIME, column_of
from feature_service.domain.model.frame import Frame

_STATEMENT_BYTES: Final = 900_000
"""A statement of TDengine has at most 1 MiB."""
_ROWS_AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Insertion:
    """A statement, and how many rows it writes."""

    text: str
    rows: int


def text_widths(rows: Frame) -> dict[str, int]:
    """Return how many characters the longest text of each field has."""
    return {
        field: max((len(value) for value in values if value is not None), default=0)
        for field, values in rows.texts.items()
    }


def insertions(series: Series, rows: Frame) -> Iterator[Insertion]:
    """Yield the statements that write the rows."""
    for part in rows.pieces(_ROWS_AT_ONCE):
        yield from _packed(series.table, _clauses(part))


def _packed(table: str, clauses: Iterator[tuple[str, str]]) -> Iterator[Insertion]:
    """Yield statements of bounded length of rows, each with its columns."""
    parts: list[str] = []
    length = count = 0
    last = ""
    for columns, values in clauses:
        head = f" {table} ({columns}) VALUES " if columns != last else ""
        size = len(values.encode()) + len(head)
        if parts and length + size > _STATEMENT_BYTES:
            yield Insertion(text="INSERT INTO" + "".join(parts), rows=count)
            parts, length, count = [], 0, 0
            head = f" {table} ({columns}) VALUES "
        parts += [head, values]
        length, count, last = length + size, count + 1, columns
    if parts:
        yield Insertion(text="INSERT INTO" + "".join(parts), rows=count)


def _clauses(rows: Frame) -> Iterator[tuple[str, str]]:
    """Yield the columns and the values of each row, those with the same columns one after the other."""
    names = [*rows.numbers, *rows.texts]
    columns = [column_of(each) for each in names]
    literals = [[number_literal(value) for value in values.tolist()] for values in rows.numbers.values()]
    literals += [["" if value is None else text_literal(value) for value in values] for values in rows.texts.values()]
    given = _given(rows)
    times = rows.timestamps.astype("int64").tolist()
    for place in _by_fields(given):
        present = np.flatnonzero(given[place]).tolist()
        listed = "".join(f",{columns[each]}" for each in present)
        values = "".join(f",{literals[each][place]}" for each in present)
        yield f"{TIME},{PRESENT}{listed}", f"({times[place]},true{values})"


def _given(rows: Frame) -> Any:
    """Return, for each row, which of its fields have a value."""
    masks = [~np.isnan(values) for values in rows.numbers.values()]
    masks += [np.array([value is not None for value in values], dtype=bool) for values in rows.texts.values()]
    return np.array(masks).T if masks else np.zeros((len(rows), 0), dtype=bool)


def _by_fields(given: Any) -> Sequence[int]:
    if not given.shape[1] or bool(given.all()):
        return range(len(given))
    packed = np.packbits(given, axis=1)
    return sorted(range(len(packed)), key=lambda place: packed[place].tobytes())
