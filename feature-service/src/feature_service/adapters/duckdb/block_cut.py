"""A range of a series cut into blocks of so many rows, by counting rows in slices of time: nothing is sorted."""

# ruff: noqa: S608 - only names made in this package are written into statements

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from feature_service.adapters.column_catalog import SeriesTable
from feature_service.adapters.duckdb import telemetry_sql as sql
from feature_service.domain.model.span import Span

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SCAN_CACHE_MB: Final = 64
"""What reading block by block leaves in memory of the file: it would fill all that the store may use."""
_SLICES_A_BLOCK: Final = 16
"""Slices that are counted for each block: it is cut at the end of one, so a sixteenth of it may be left free."""
_LEAST_SLICES: Final = 1_000
_MOST_SLICES: Final = 1_000_000


def cut_into_blocks(table: SeriesTable, span: Span, rows: int, cursor: "DuckDBPyConnection") -> list[tuple[Span, int]]:
    """Return parts of the range, one after the other, that have at most `rows` rows each, and how many these are."""
    starts: list[int] = []
    counts: list[int] = []
    for first, count in _slices(cursor, table, span, rows):
        if counts and counts[-1] + count <= rows:
            counts[-1] += count
        else:
            starts.append(first)
            counts.append(count)
    edges = [span.start, *starts[1:], span.end]
    return [(Span(start=start, end=end), count) for (start, end), count in zip(pairwise(edges), counts, strict=True)]


def _slices(cursor: "DuckDBPyConnection", table: SeriesTable, span: Span, rows: int) -> Iterator[tuple[int, int]]:
    """Yield the first time and the number of the rows of slices that have at most `rows`, in ascending order."""
    first, last, count = _counted(cursor, table, span)[0]
    if count <= rows:
        yield first, count
        return
    slices = min(_MOST_SLICES, max(_LEAST_SLICES, _SLICES_A_BLOCK * count // rows))
    width = (last - first) // slices + 1
    for low, high, number in _counted(cursor, table, Span(start=first, end=last + 1), width):
        if number <= rows:
            yield low, number
        else:  # rows lie together here: this slice is cut like a range of its own
            yield from _slices(cursor, table, Span(start=low, end=high + 1), rows)


def _counted(
    cursor: "DuckDBPyConnection", table: SeriesTable, span: Span, width: int | None = None
) -> list[tuple[Any, ...]]:
    """Return first time, last time and number of the rows of the range, or of each slice `width` long that has any."""
    inside = sql.within(span)
    text = f"SELECT epoch_us(min(ts)), epoch_us(max(ts)), count(*) FROM {table.name} WHERE {inside.text}"
    if width is None:
        return cursor.execute(text, inside.values).fetchall()
    grouped = f"{text} GROUP BY (epoch_us(ts) - ?) // ? ORDER BY 1"
    return cursor.execute(grouped, [*inside.values, span.start, width]).fetchall()
