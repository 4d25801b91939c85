"""What the pages of a Parquet file say they unpack to: read before pyarrow makes room for it.

Of each page only its header is looked at, a struct of Thrift's compact protocol (parquet.thrift, PageHeader).
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyarrow has no type information.

from typing import IO, Any, Final

from penstock_kit.errors import PayloadTooLarge

MOST_PAGE: Final = 128 * 1024 * 1024
"""Bytes that one page may unpack to: of each column one is in memory, and one of its dictionary."""
MOST_GROUP: Final = 512 * 1024 * 1024
"""Bytes that the largest pages of all columns of a row group may unpack to together."""
# What a header is read in: it has statistics of two values, which may be long texts.
_HEADER: Final = 64 * 1024
_DEEPEST: Final = 16
_STOP, _TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(13)


def refuse_false_claims(body: IO[bytes], metadata: Any) -> None:
    """Raise PayloadTooLarge BATCH_LIMIT_EXCEEDED when a page, or those of a row group, unpack to too much.

    Raises ValueError for bytes that are no pages.
    """
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        largest = [_largest_page(body, group.column(place)) for place in range(group.num_columns)]
        if max(largest, default=0) > MOST_PAGE or sum(largest) > MOST_GROUP:
            raise PayloadTooLarge(
                f"a page of row group {number} unpacks to {max(largest):,} bytes, those of all columns to "
                f"{sum(largest):,}; at most {MOST_PAGE:,} and {MOST_GROUP:,} may be: write smaller pages",
                reason="BATCH_LIMIT_EXCEEDED",
            )


def _largest_page(body: IO[bytes], column: Any) -> int:
    """The sum of the dictionary's page and the largest page of data."""
    start = column.data_page_offset
    if column.has_dictionary_page and column.dictionary_page_offset:
        start = min(start, column.dictionary_page_offset)
    end = start + column.total_compressed_size
    dictionary = largest = 0
    at = start
    while at < end:
        body.seek(at)
        header = _Compact(body.read(_HEADER))
        fields = header.numbers()
        kind, unpacked, packed = fields.get(1, 0), fields.get(2, 0), fields.get(3, 0)
        if unpacked < 0 or packed < 0:
            raise ValueError("a page has a negative size")
        if kind == 2:
            dictionary += unpacked
        else:
            largest = max(largest, unpacked)
        at += header.at + packed
    return dictionary + largest


class _Compact:
    """Reads a struct of Thrift's compact protocol; what is not looked for is passed over."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def numbers(self) -> dict[int, int]:
        """Return the whole numbers of the struct, by the number of their field."""
        found: dict[int, int] = {}
        field = 0
        while (head := self._byte()) != _STOP:
            kind = head & 0x0F
            field = field + (head >> 4) if head >> 4 else self._signed()
            if kind in (_I16, _I32, _I64):
                found[field] = self._signed()
            else:
                self._skip(kind, 0)
        return found

    def _skip(self, kind: int, depth: int) -> None:
        if depth > _DEEPEST:
            raise ValueError("a page's header is nested too deeply")
        match kind:
            case 1 | 2:
                pass
            case 3:
                self._byte()
            case 4 | 5 | 6:
                self._unsigned()
            case 7:
                self._pass(8)
            case 8:
                self._pass(self._unsigned())
            case 9 | 10:
                head = self._byte()
                count = head >> 4 if head >> 4 != 15 else self._unsigned()
                self._require(count)
                for _ in range(count):
                    self._skip_element(head & 0x0F, depth)
            case 12:
                while (head := self._byte()) != _STOP:
                    if not head >> 4:
                        self._signed()
                    self._skip(head & 0x0F, depth + 1)
            case _:
                raise ValueError("a page's header is none")

    def _skip_element(self, kind: int, depth: int) -> None:
        if kind in (_TRUE, _FALSE):
            self._byte()
        else:
            self._skip(kind, depth + 1)

    def _byte(self) -> int:
        if self.at >= len(self._data):
            raise ValueError("a page's header does not end")
        self.at += 1
        return self._data[self.at - 1]

    def _pass(self, count: int) -> None:
        self._require(count)
        self.at += count

    def _require(self, count: int) -> None:
        if count > len(self._data) - self.at:
            raise ValueError("a page's header does not end")

    def _unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80 or shift > 63:
                return value

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)
