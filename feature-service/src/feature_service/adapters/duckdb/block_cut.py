"""A range of a series cut into blocks of so many rows, by counting rows in slices of time: nothing is sorted."""

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from feature_service.adapters.column_catalog import SeriesTable
from feature_service.adapters.duckdb import telemetry_sql as sql
from feature_service.domain.model.span import Extent, Span

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SCAN_CACHE_MB: Final = 64
"""What reading block by block leaves in memory of the file: it would fill all that the store may use."""
_SLICES_A_BLOCK: Final = 16
"""Slices that are counted for each block: it is cut at the end of one, so a sixteenth of it may be left free."""
_LEAST_SLICES: Final = 1_000
_MOST_SLICES: Final = 1_000_000


def cut_into_blocks(
    table: SeriesTable, span: Span, rows: int, extent: Extent, cursor: "DuckDBPyConnection"
) -> list[tuple[Span, int]]:
    """Return parts of the range, one after the other, that have at most `rows` rows each, and how many these are.

    `extent` is that of the whole range, which has more.
    """
    starts: list[int] = []
    counts: list[int] = []
    for first, count in _slices(cursor, table, extent, rows):
        if counts and counts[-1] + count <= rows:
            counts[-1] += count
        else:
            starts.append(first)
            counts.append(count)
    edges = [span.start, *starts[1:], span.end]
    return [(Span(start=start, end=end), count) for (start, end), count in zip(pairwise(edges), counts, strict=True)]


def _slices(cursor: "DuckDBPyConnection", table: SeriesTable, extent: Extent, rows: int) -> Iterator[tuple[int, int]]:
    """Yield the first time and the number of the rows of slices that have at most `rows`, in ascending order."""
    if extent.rows <= rows:
        yield extent.first, extent.rows
        return
    slices = min(_MOST_SLICES, max(_LEAST_SLICES, _SLICES_A_BLOCK * extent.rows // rows))
    width = (extent.last - extent.first) // slices + 1
    for part in _counted(cursor, table, extent, width):
        # Where rows lie together, a slice is cut like a range of its own.
        yield from _slices(cursor, table, part, rows)


def _counted(cursor: "DuckDBPyConnection", table: SeriesTable, extent: Extent, width: int) -> list[Extent]:
    """Return the extent of each slice `width` long that has any rows."""
    whole = sql.extent(table, Span(start=extent.first, end=extent.last + 1))
    text = f"{whole.text} GROUP BY (epoch_us(ts) - ?) // ? ORDER BY 1"
    found = cursor.execute(text, [*whole.values, extent.first, width]).fetchall()
    return [Extent(first=first, last=last, rows=rows) for first, last, rows in found]
