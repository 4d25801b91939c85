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
from penstock_kit.errors import InvalidArgument

_BATCH_ROWS: Final = 100_000
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
            return device_codes(_ipc_batches(body, plan), plan)

    def rows(
        self, body: IO[bytes], plan: IngestPlan, schema: FieldSchema, rejections: Rejections
    ) -> Iterator[RowBlock]:
        """Yield the good rows of each record batch."""
        with _readable("Arrow IPC"):
            yield from BatchReading(plan, schema, rejections).blocks(_ipc_batches(body, plan))


class ParquetReader:
    """Reads Parquet files."""

    def target(self, body: IO[bytes]) -> BodyTarget:
        """Return nothing: the codes come with the request."""
        return BodyTarget()

    def devices(self, body: IO[bytes], plan: IngestPlan) -> frozenset[str]:
        """Return the codes in the device column."""
        with _readable("Parquet"):
            return device_codes(_parquet_batches(body), plan)

    def rows(
        self, body: IO[bytes], plan: IngestPlan, schema: FieldSchema, rejections: Rejections
    ) -> Iterator[RowBlock]:
        """Yield the good rows of each batch."""
        with _readable("Parquet"):
            yield from BatchReading(plan, schema, rejections).blocks(_parquet_batches(body))


def _ipc_batches(body: IO[bytes], plan: IngestPlan) -> Iterator[Any]:
    body.seek(0)
    is_file = body.read(len(_FILE_MAGIC)) == _FILE_MAGIC
    body.seek(0)
    if is_file:
        opened = pyarrow.ipc.open_file(body)
        yield from (_valid(opened.get_batch(index)) for index in range(opened.num_record_batches))
        return
    for batch in pyarrow.ipc.open_stream(body):
        yield _valid(batch)
    # A stream that is cut between two batches looks like one that ends there, but for its end mark.
    if not _is_ended(body):
        raise pa.ArrowInvalid("it has no end-of-stream mark: it was cut, or its writer was not closed")


def _is_ended(body: IO[bytes]) -> bool:
    body.seek(0, SEEK_END)
    body.seek(max(0, body.tell() - len(_END_OF_STREAM)))
    return body.read().endswith((_END_OF_STREAM, _OLD_END_OF_STREAM))


def _parquet_batches(body: IO[bytes]) -> Iterator[Any]:
    body.seek(0)
    # The old 96-bit times would overflow as nanoseconds.
    opened = pyarrow.parquet.ParquetFile(body, coerce_int96_timestamp_unit="us")
    return (_valid(batch) for batch in opened.iter_batches(_BATCH_ROWS))


def _valid(batch: Any) -> Any:
    """The batch, once its offsets and texts were found to be in order: they come from outside."""
    batch.validate(full=True)
    return batch


@contextmanager
def _readable(what: str) -> Generator[None]:
    try:
        yield
    except InvalidArgument:
        raise
    except _UNREADABLE as error:
        raise InvalidArgument(
            f"the body is not readable as {what}: {str(error).splitlines()[0] if str(error) else error!r}",
            reason="BODY_INVALID",
        ) from None
