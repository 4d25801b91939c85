"""Stretches of CSV without quotes, read by pyarrow; whatever it can't take, or might take otherwise, is left alone."""

# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyarrow has no type information.

import csv
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from feature_service.adapters.body.plain_time import plain_times
from feature_service.domain.ingest.parsed_column import ParsedColumn, ParsedTimes
from feature_service.domain.model.array import FloatArray, TextArray

_DELIMITERS: Final = frozenset(",;\t|")
_NEWLINE: Final = ord("\n")
# Cells whose texts are looked at without those of the whole stretch: a little more than a sample of kinds needs.
_HEAD_ROWS: Final = 1100
# The longest line that surely has no cell beyond what the careful reader takes, in bytes.
_WINDOW: Final = csv.field_size_limit() // 2


def is_plain(stretch: bytes, delimiter: str) -> bool:
    """Return whether every line of UTF-8 is one row, and its cells are what stands between the separators."""
    if delimiter not in _DELIMITERS or b'"' in stretch or b"\0" in stretch:
        return False
    if b"\r" in stretch and stretch.count(b"\r") != stretch.count(b"\r\n"):
        return False
    if not _has_short_lines(stretch):
        return False
    return stretch.isascii() or _is_utf8(stretch)


class PlainRows:
    """The rows of a plain stretch, column by column."""

    def __init__(self, stretch: bytes, *, delimiter: str, count: int, table: Any) -> None:
        self._stretch = stretch
        self._delimiter = delimiter
        self._count = count
        self._table = table

    def __len__(self) -> int:
        return self._table.num_rows

    def column(self, index: int, rows: slice) -> ParsedColumn:
        """Return the cells of a field in the rows, with their numbers or texts."""
        column = self._column(index)
        if pa.types.is_floating(column.type):
            return self._parsed(index, rows, numbers=_floats(column))
        return self._parsed(index, rows, numbers=_cast_floats(column), texts=_texts(column))

    def time_column(self, index: int, rows: slice) -> ParsedColumn:
        """Return the time cells of the rows."""
        return self._parsed(
            index, rows, times=plain_times(self._column(index).slice(rows.start, rows.stop - rows.start))
        )

    def texts(self, index: int) -> Sequence[str]:
        """Return the distinct cells of a column."""
        return [cell for cell in self._column(index).unique().to_pylist() if cell]

    def _column(self, index: int) -> Any:
        column = self._table.column(str(index))
        return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()

    def _parsed(
        self,
        index: int,
        rows: slice,
        *,
        numbers: FloatArray | None = None,
        texts: TextArray | None = None,
        times: ParsedTimes | None = None,
    ) -> ParsedColumn:
        return ParsedColumn(
            count=rows.stop - rows.start,
            head=lambda: (row[index] for row in self._head_of(rows)),
            cells=lambda: self._cells[index][rows],
            numbers=None if numbers is None else numbers[rows],
            texts=None if texts is None else texts[rows],
            times=times,
        )

    def _head_of(self, rows: slice) -> Iterable[list[str]]:
        """The first rows of the stretch as lists of cells; none where a block begins further on."""
        return self._head if rows.start == 0 and len(self._head) <= rows.stop else ()

    @cached_property
    def _head(self) -> list[list[str]]:
        return list(islice(self._rows(), _HEAD_ROWS))

    @cached_property
    def _cells(self) -> list[tuple[str, ...]]:
        return list(zip(*self._rows(), strict=True))

    def _rows(self) -> Iterator[list[str]]:
        # Not by lines of str: it knows more line ends than CSV does.
        text = self._stretch.decode().replace("\r\n", "\n").removesuffix("\n")
        return (line.split(self._delimiter) for line in text.split("\n"))


def read_plain(
    stretch: bytes, *, delimiter: str, count: int, numbers: frozenset[int], used: Sequence[int]
) -> PlainRows | None:
    """Return the rows of a plain stretch of `count` columns, None when a line has more or fewer cells or is blank.

    Of the columns `used` the ones in `numbers` are thought to be numbers; those that are not are texts all the same.
    """
    lines = np.count_nonzero(np.frombuffer(stretch, dtype=np.uint8) == _NEWLINE) + (not stretch.endswith(b"\n"))
    for floats in (numbers, frozenset[int]()):
        try:
            table = _read(stretch, delimiter, count, floats, used)
        except pa.ArrowInvalid:
            continue
        rows = PlainRows(stretch, delimiter=delimiter, count=count, table=table)
        return rows if len(rows) == lines else None
    return None


def _read(stretch: bytes, delimiter: str, count: int, numbers: frozenset[int], used: Sequence[int]) -> Any:
    types = {str(index): pa.float64() if index in numbers else pa.string() for index in used}
    return pyarrow.csv.read_csv(
        pa.BufferReader(stretch),
        read_options=pyarrow.csv.ReadOptions(
            column_names=[str(index) for index in range(count)], block_size=len(stretch) + 1, use_threads=False
        ),
        parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, quote_char=False, double_quote=False),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            null_values=[""],
            strings_can_be_null=True,
            true_values=[],
            false_values=[],
        ),
    )


def _floats(column: Any) -> FloatArray | None:
    """The numbers of a column, NaN for empty cells; None when a cell says something else that is not finite."""
    values = np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
    return values if len(values) - np.count_nonzero(np.isfinite(values)) == column.null_count else None


def _cast_floats(column: Any) -> FloatArray | None:
    """The numbers of a column of texts, None when one is none to pyarrow."""
    try:
        return _floats(pc.cast(column, pa.float64()))
    except pa.ArrowInvalid:
        return None


def _texts(column: Any) -> TextArray:
    # Labels repeat: each is made a str once.
    encoded = column.dictionary_encode()
    known = np.array([*encoded.dictionary.to_pylist(), None], dtype=np.object_)
    return known[pc.fill_null(encoded.indices, len(known) - 1).to_numpy(zero_copy_only=False)]


def _has_short_lines(stretch: bytes) -> bool:
    return all(stretch.find(b"\n", start, start + _WINDOW) >= 0 for start in range(0, len(stretch) - _WINDOW, _WINDOW))


def _is_utf8(stretch: bytes) -> bool:
    try:
        stretch.decode()
    except UnicodeDecodeError:
        return False
    return True
