"""What the pages of a Parquet file say they unpack to: read before pyarrow makes room for it.

Of each page only its header is looked at, a struct of Thrift's compact protocol (parquet.thrift, PageHeader).
"""

from collections.abc import Sequence
from typing import IO, Final

from feature_service.adapters.body.compact_protocol import Compact
from feature_service.adapters.body.parquet_footer import ColumnChunk
from penstock_kit.errors import PayloadTooLarge

MOST_PAGE: Final = 128 * 1024 * 1024
"""Bytes that one page may unpack to: of each column one is in memory, and one of its dictionary."""
MOST_GROUP: Final = 512 * 1024 * 1024
"""Bytes that the largest pages of all columns of a row group may unpack to together."""
# What a header is read in: it has statistics of two values, which may be long texts.
_HEADER: Final = 64 * 1024


def refuse_false_claims(body: IO[bytes], groups: Sequence[Sequence[ColumnChunk]]) -> None:
    """Raise PayloadTooLarge BATCH_LIMIT_EXCEEDED when a page, or those of a row group, unpack to too much.

    Raises ValueError for bytes that are no pages.
    """
    for number, group in enumerate(groups):
        largest = [_largest_page(body, chunk) for chunk in group]
        if max(largest, default=0) > MOST_PAGE or sum(largest) > MOST_GROUP:
            raise PayloadTooLarge(
                f"a page of row group {number} unpacks to {max(largest):,} bytes, those of all columns to "
                f"{sum(largest):,}; at most {MOST_PAGE:,} and {MOST_GROUP:,} may be: write smaller pages",
                reason="BATCH_LIMIT_EXCEEDED",
            )


def _largest_page(body: IO[bytes], chunk: ColumnChunk) -> int:
    """The sum of the dictionary's page and the largest page of data."""
    start = min(chunk.data_page, chunk.dictionary_page) if chunk.dictionary_page else chunk.data_page
    end = start + chunk.packed
    dictionary = largest = 0
    at = start
    while at < end:
        body.seek(at)
        header = Compact(body.read(_HEADER))
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
