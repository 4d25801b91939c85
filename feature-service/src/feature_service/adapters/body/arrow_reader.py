"""Arrow IPC and Parquet bodies, batch by batch, through pyarrow."""

# pyright: reportAttributeAccessIssue=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyarrow has no type information.

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from os import SEEK_END
from typing import IO, Any, Final

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

from feature_service.adapters.body import arrow_claims, parquet_pages
from feature_service.adapters.body.arrow_batch import BATCH_ROWS, BatchReading, device_codes
from feature_service.adapters.body.arrow_text import text_bytes
from feature_service.adapters.body.parquet_footer import column_chunks
from feature_service.domain.ingest.block import RowBlock
from feature_service.domain.ingest.plan import BodyTarget, IngestPlan
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.schema import FieldSchema
from penstock_kit.errors import InvalidArgument, PayloadTooLarge, PenstockError

# A column of equal values takes next to nothing whatever its length, and every row of it takes time: a body may have so
# many rows whatever its size, and so many for each of its bytes.
_FREE_ROWS: Final = 1_000_000
_ROWS_PER_BYTE: Final = 20
# So has a text that is written once and is in many rows: bytes of texts that a batch, and a body, may have besides.
_FREE_TEXT: Final = 256 * 1024 * 1024
_TEXT_PER_BYTE: Final = 20
_FILE_MAGIC: Final = b"ARROW1"
_END_OF_STREAM: Final = b"\xff\xff\xff\xff\0\0\0\0"
_OLD_END_OF_STREAM: Final = b"\0\0\0\0"
# What pyarrow raises of bytes it can't read: its own errors, and those of its file layer, which are Python's.
_UNREADABLE: Final = (pa.ArrowException, OSError, ValueError, OverflowError, IndexError)


class ArrowReader:
    """Reads the Arrow IPC file format and the stream format, told apart by the file's first bytes."""

    def target(self, body: IO[bytes]) -> BodyTarget:
        """Return nothing: the codes come with the request."""
        return BodyTarget()

    def devices(self, body: IO[bytes], plan: IngestPlan) -> frozenset[str]:
        """Return the codes in the device column."""
        with _readable("Arrow IPC"):
            return device_codes(_bounded(_ipc_batches(body, plan), body), plan)

    def rows(
        self, body: IO[bytes], plan: IngestPlan, schema: FieldSchema, rejections: Rejections
    ) -> Iterator[RowBlock]:
        """Yield the good rows of each record batch."""
        with _readable("Arrow IPC"):
            yield from BatchReading(plan, schema, rejections).blocks(_bounded(_ipc_batches(body, plan), body))


class ParquetReader:
    """Reads Parquet files."""

    def target(self, body: IO[bytes]) -> BodyTarget:
        """Return nothing: the codes come with the request."""
        return BodyTarget()

    def devices(self, body: IO[bytes], plan: IngestPlan) -> frozenset[str]:
        """Return the codes in the device column."""
        with _readable("Parquet"):
            return device_codes(_bounded(_parquet_batches(body), body), plan)

    def rows(
        self, body: IO[bytes], plan: IngestPlan, schema: FieldSchema, rejections: Rejections
    ) -> Iterator[RowBlock]:
        """Yield the good rows of each batch."""
        with _readable("Parquet"):
            yield from BatchReading(plan, schema, rejections).blocks(_bounded(_parquet_batches(body), body))


def _bounded(batches: Iterator[Any], body: IO[bytes]) -> Iterator[Any]:
    """Yield `batches` as long as they have no more rows and texts than a body of this size may have."""
    seen, most = 0, _most_rows(body)
    texts, most_text = 0, _most_text(body)
    for batch in batches:
        seen += batch.num_rows
        _refuse_more(seen, most)
        _valid(batch)
        own = sum(map(text_bytes, batch.columns))
        texts += own
        _refuse_more_text(own, _FREE_TEXT + batch.nbytes)
        _refuse_more_text(texts, most_text)
        yield batch


def _most_rows(body: IO[bytes]) -> int:
    """How many rows a body of this size may have."""
    return _FREE_ROWS + _size_of(body) * _ROWS_PER_BYTE


def _most_text(body: IO[bytes]) -> int:
    """How many bytes of texts a body of this size may have."""
    return _FREE_TEXT + _size_of(body) * _TEXT_PER_BYTE


def _size_of(body: IO[bytes]) -> int:
    at = body.tell()
    size = body.seek(0, SEEK_END)
    body.seek(at)
    return size


def _refuse_more(rows: int, most: int) -> None:
    if rows > most:
        message = f"the body has {rows:,} rows or more, one of its size may have {most:,}; send it in parts"
        raise PayloadTooLarge(message, reason="ROWS_LIMIT_EXCEEDED")


def _refuse_more_text(found: int, most: int) -> None:
    if found > most:
        message = (
            f"the texts in the body's rows have {found:,} bytes or more, {most:,} may be in one of its size: "
            "a long text is in many rows; send it in parts"
        )
        raise PayloadTooLarge(message, reason="TEXTS_LIMIT_EXCEEDED")


def _ipc_batches(body: IO[bytes], plan: IngestPlan) -> Iterator[Any]:
    arrow_claims.refuse_false_claims(body)
    is_file = body.read(len(_FILE_MAGIC)) == _FILE_MAGIC
    body.seek(0)
    if is_file:
        opened = pyarrow.ipc.open_file(body)
        yield from (opened.get_batch(index) for index in range(opened.num_record_batches))
        return
    yield from pyarrow.ipc.open_stream(body)
    # A stream that is cut between two batches looks like one that ends there, but for its end mark.
    if not _is_ended(body):
        raise pa.ArrowInvalid("it has no end-of-stream mark: it was cut, or its writer was not closed")


def _is_ended(body: IO[bytes]) -> bool:
    body.seek(0, SEEK_END)
    body.seek(max(0, body.tell() - len(_END_OF_STREAM)))
    return body.read().endswith((_END_OF_STREAM, _OLD_END_OF_STREAM))


def _parquet_batches(body: IO[bytes]) -> Iterator[Any]:
    most, most_text = _most_rows(body), _most_text(body)
    groups = column_chunks(body)
    body.seek(0)
    metadata = pyarrow.parquet.read_metadata(body)
    # As many as the file says it has: what is refused is not read at all.
    _refuse_more(metadata.num_rows, most)
    texts = [place for place in range(metadata.num_columns) if _is_text(metadata.schema.column(place))]
    if [len(group) for group in groups] != [metadata.num_columns] * metadata.num_row_groups:
        raise ValueError("the footer has other row groups or columns than its schema")
    _refuse_more_text(sum(group[place].unpacked for group in groups for place in texts), most_text)
    parquet_pages.refuse_false_claims(body, groups)
    body.seek(0)
    opened = pyarrow.parquet.ParquetFile(
        body,
        # The old 96-bit times would overflow as nanoseconds.
        coerce_int96_timestamp_unit="us",
        # Texts stay as they are written, once each, until it is known how much they are.
        read_dictionary=[metadata.schema.column(place).path for place in texts],
    )
    return opened.iter_batches(BATCH_ROWS)


def _is_text(column: Any) -> bool:
    return column.physical_type == "BYTE_ARRAY"


def _valid(batch: Any) -> None:
    """Raise when the offsets and texts of a batch are not in order: they come from outside."""
    batch.validate(full=True)


@contextmanager
def _readable(what: str) -> Generator[None]:
    try:
        yield
    except PenstockError:
        raise
    except _UNREADABLE as error:
        raise InvalidArgument(
            f"the body is not readable as {what}: {str(error).splitlines()[0] if str(error) else error!r}",
            reason="BODY_INVALID",
        ) from None
