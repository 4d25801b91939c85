"""Where the columns of a Parquet file lie, and how large they say they are.

Read by ourselves: pyarrow ends the process when it is asked for a column chunk whose footer contradicts itself, such as
one with statistics of sizes that don't fit its schema. (The constructor throws, and its binding takes it for one that
does not.) Its own reading of rows is not concerned: that refuses such a file.
"""

import struct
from dataclasses import dataclass
from os import SEEK_END
from typing import IO, Final

from feature_service.adapters.body.compact_protocol import Compact
from penstock_kit.errors import PayloadTooLarge

MOST_FOOTER: Final = 8 * 1024 * 1024
"""Bytes that a footer may have: those of 10,000 columns in four row groups are 6.5 MB."""
MOST_DESCRIBED: Final = 100_000
"""Columns of all row groups, and columns and groups of the schema, that a footer may describe: three bytes are enough
for one, and pyarrow makes 700 of them."""

_MAGIC: Final = b"PAR1"
# Fields of FileMetaData, RowGroup, ColumnChunk and ColumnMetaData in parquet.thrift.
_SCHEMA: Final = 2
_ROW_GROUPS: Final = 4
_COLUMNS: Final = 1
_META_DATA: Final = 3
_UNPACKED, _PACKED, _DATA_PAGE, _DICTIONARY_PAGE = 6, 7, 9, 11


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnChunk:
    """A column of a row group: bytes unpacked and packed, and where its pages begin (0: there is no dictionary)."""

    unpacked: int
    packed: int
    data_page: int
    dictionary_page: int


def column_chunks(body: IO[bytes]) -> list[list[ColumnChunk]]:
    """Return the column chunks of each row group.

    Raises ValueError for bytes that are no footer, or contradict it, and PayloadTooLarge FOOTER_LIMIT_EXCEEDED for a
    footer that takes too much to be read.
    """
    size = body.seek(0, SEEK_END)
    body.seek(max(0, size - 8))
    end = body.read(8)
    if len(end) < 8 or end[4:] != _MAGIC:
        raise ValueError("it does not end as a Parquet file does")
    (length,) = struct.unpack("<I", end[:4])
    if length > size - 8:
        raise ValueError("the footer is larger than the file")
    if length > MOST_FOOTER:
        raise _too_large(f"has {length:,} bytes, at most {MOST_FOOTER:,} may be")
    body.seek(size - 8 - length)
    return _Footer(body.read(length), size).groups()


class _Footer:
    def __init__(self, data: bytes, file_size: int) -> None:
        self._compact = Compact(data)
        self._file_size = file_size
        self._described = {_SCHEMA: 0, _ROW_GROUPS: 0, _COLUMNS: 0}

    def groups(self) -> list[list[ColumnChunk]]:
        return self._compact.lists({_SCHEMA: self._skip_node, _ROW_GROUPS: self._group}).get(_ROW_GROUPS, [])

    def _skip_node(self) -> None:
        self._count(_SCHEMA)
        self._compact.skip()

    def _group(self) -> list[ColumnChunk]:
        self._count(_ROW_GROUPS)
        return self._compact.lists({_COLUMNS: self._chunk}).get(_COLUMNS, [])

    def _chunk(self) -> ColumnChunk:
        self._count(_COLUMNS)
        return _chunk(self._compact.struct_in(_META_DATA, self._compact.numbers), self._file_size)

    def _count(self, what: int) -> None:
        self._described[what] += 1
        if self._described[what] > MOST_DESCRIBED:
            raise _too_large(f"describes more than {MOST_DESCRIBED:,} columns or row groups")


def _too_large(claim: str) -> PayloadTooLarge:
    message = f"the footer {claim}: write larger row groups and no statistics, or send the columns in several files"
    return PayloadTooLarge(message, reason="FOOTER_LIMIT_EXCEEDED")


def _chunk(numbers: dict[int, int] | None, size: int) -> ColumnChunk:
    if numbers is None:
        raise ValueError("a column chunk has no metadata")
    chunk = ColumnChunk(
        unpacked=numbers.get(_UNPACKED, 0),
        packed=numbers.get(_PACKED, 0),
        data_page=numbers.get(_DATA_PAGE, 0),
        dictionary_page=numbers.get(_DICTIONARY_PAGE, 0),
    )
    places = (chunk.packed, chunk.data_page, chunk.dictionary_page)
    if chunk.unpacked < 0 or not all(0 <= each <= size for each in places):
        raise ValueError("a column chunk lies outside of the file")
    return chunk
