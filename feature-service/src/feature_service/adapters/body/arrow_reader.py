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

from feature_service.adapters.body.arrow_batch import BatchReading, device_codes
from feature_service.domain.ingest.block import RowBlock
from feature_service.domain.ingest.plan import BodyTarget, IngestPlan
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.schema import FieldSchema
from penstock_kit.errors import InvalidArgument, PayloadTooLarge, PenstockError

_BATCH_ROWS: Final = 100_000
# A column of equal values takes next to nothing whatever its length, and every row of it takes time: a body may have so
# many rows whatever its size, and so many for each of its bytes.
_FREE_ROWS: Final = 1_000_000
_ROWS_PER_BYTE: Final = 20
_FILE_MAGIC: Final = b"ARROW1"
_END_OF_STREAM: Final = b"\xff\xff\xff\xff\0\0\0\0"
_OLD_END_OF_STREAM: Final = b"\0\0\0\0"
# What pyarrow raises of bytes it can't read: its own errors, and those of its file layer, which are Python's.
_UNREADABLE: Final = (pa.ArrowException, OSError, ValueError, OverflowError)


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
    """Yield `batches` as long as they have no more rows than a body of this size may have."""
    seen, most = 0, _most_rows(body)
    for batch in batches:
        seen += batch.num_rows
        _refuse_more(seen, most)
        yield _valid(batch)


def _most_rows(body: IO[bytes]) -> int:
    """How many rows a body of this size may have."""
    return _FREE_ROWS + body.seek(0, SEEK_END) * _ROWS_PER_BYTE


def _refuse_more(rows: int, most: int) -> None:
    if rows > most:
        message = f"the body has {rows:,} rows or more, one of its size may have {most:,}; send it in parts"
        raise PayloadTooLarge(message, reason="ROWS_LIMIT_EXCEEDED")


def _ipc_batches(body: IO[bytes], plan: IngestPlan) -> Iterator[Any]:
    body.seek(0)
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
    most = _most_rows(body)
    body.seek(0)
    # The old 96-bit times would overflow as nanoseconds.
    opened = pyarrow.parquet.ParquetFile(body, coerce_int96_timestamp_unit="us")
    # As many as the file says it has: what is refused is not read at all.
    _refuse_more(opened.metadata.num_rows, most)
    return opened.iter_batches(_BATCH_ROWS)


def _valid(batch: Any) -> Any:
    """The batch, once its offsets and texts were found to be in order: they come from outside."""
    batch.validate(full=True)
    return batch


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
