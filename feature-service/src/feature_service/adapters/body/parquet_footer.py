"""Where the columns of a Parquet file lie, and how large they say they are.

Read by ourselves: pyarrow ends the process when it is asked for a column chunk whose footer contradicts itself, such as
one with statistics of sizes that don't fit its schema. (The constructor throws, and its binding takes it for one that
does not.) Its own reading of rows is not concerned: that refuses such a file.
"""

import struct
from dataclasses import dataclass
from os import SEEK_END
from typing import IO, Any, Final

from feature_service.adapters.body.compact_protocol import Compact

_MAGIC: Final = b"PAR1"
# Fields of FileMetaData, RowGroup, ColumnChunk and ColumnMetaData in parquet.thrift.
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
    """Return the column chunks of each row group. Raises ValueError for bytes that are no footer, or contradict it."""
    size = body.seek(0, SEEK_END)
    body.seek(max(0, size - 8))
    end = body.read(8)
    if len(end) < 8 or end[4:] != _MAGIC:
        raise ValueError("it does not end as a Parquet file does")
    (length,) = struct.unpack("<I", end[:4])
    if length > size - 8:
        raise ValueError("the footer is larger than the file")
    body.seek(size - 8 - length)
    footer = Compact(body.read(length))

    def chunk() -> ColumnChunk:
        return _chunk(footer.parts({_META_DATA: footer.numbers}), size)

    def group() -> list[ColumnChunk]:
        columns: list[ColumnChunk] = footer.parts({_COLUMNS: chunk}).get(_COLUMNS, [])
        return columns

    groups: list[list[ColumnChunk]] = footer.parts({_ROW_GROUPS: group}).get(_ROW_GROUPS, [])
    return groups


def _chunk(parts: dict[int, Any], size: int) -> ColumnChunk:
    numbers: dict[int, int] | None = parts.get(_META_DATA)
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
