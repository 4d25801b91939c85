"""What is being ingested and how its body is to be read."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, tzinfo
from enum import StrEnum
from typing import IO, TYPE_CHECKING, Protocol, Self

from feature_service.domain.ingest.date_format import DateOrder
from feature_service.domain.ingest.rejection import Rejection, Rejections
from feature_service.domain.ingest.schema import FieldSchema, IngestedField

if TYPE_CHECKING:
    from feature_service.domain.ingest.block import RowBlock
    from feature_service.domain.model.frame import Frame
    from feature_service.domain.model.series import SeriesKey


class BodyFormat(StrEnum):
    """The form of a body."""

    JSON = "json"
    CSV = "csv"
    ARROW = "arrow"
    PARQUET = "parquet"
    NDJSON = "ndjson"
    LINE_PROTOCOL = "line_protocol"


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestPlan:
    """One ingest. Empty `timestamp_column`: ``timestamp``, or the one column with a name like it.

    Empty `delimiter`: guessed from the header. Empty `decimal`: told by the cells of each field; empty `encoding`:
    UTF-8, or what a byte order mark says. `zone` is that of times without one. `create` registers an unknown device,
    its fields and the model. `device_column` names the device of each row; `ignored` columns are left out.
    `partial`: of a body that breaks off, or has a number field turned text, the rows that can be read are stored.
    Of line protocol: `precision` names the unit of times; empty: nanoseconds, and nobody said so. `whole`: when
    a point is refused, none is stored.
    Of a CSV: `clock_column` holds the time of day beside a time column of dates; `date_order` tells day from month.
    """

    format: BodyFormat
    device_code: str = ""
    model_code: str = ""
    timestamp_column: str = ""
    delimiter: str = ""
    zone: tzinfo = UTC
    create: bool = False
    device_column: str = ""
    decimal: str = ""
    encoding: str = ""
    ignored: frozenset[str] = frozenset()
    partial: bool = False
    clock_column: str = ""
    date_order: DateOrder | None = None
    precision: str = ""
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """What became of a body: rows stored and refused (the first refusals listed), and the fields it brought.

    `merged` of the accepted rows overwrote an earlier row of the same body, at the same time. `devices` counts the
    accepted rows of each device of a body with a device column. `notes` say what was read otherwise than written.
    """

    device_code: str
    model_code: str
    accepted: int
    rejected: int
    merged: int = 0
    errors: tuple[Rejection, ...] = ()
    fields: tuple[IngestedField, ...] = ()
    devices: tuple[tuple[str, int], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyTarget:
    """The device and model a body names itself; empty when it names none."""

    device_code: str = ""
    model_code: str = ""


class BodySpool(Protocol):
    """Where a body waits until all of it has arrived; a context manager that forgets it at the end."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def write(self, chunk: bytes) -> None:
        """Append bytes. Raises PayloadTooLarge BODY_LIMIT_EXCEEDED past the limit."""
        ...

    def body(self) -> IO[bytes]:
        """Return what was written, from its start."""
        ...


class BodyReader(Protocol):
    """Reads one format. The methods block and raise InvalidArgument when the body as a whole makes no sense."""

    def target(self, body: IO[bytes]) -> BodyTarget:
        """Return what the body says about where it belongs."""
        ...

    def devices(self, body: IO[bytes], plan: IngestPlan) -> frozenset[str]:
        """Return the codes in the device column of the plan."""
        ...

    def rows(
        self, body: IO[bytes], plan: IngestPlan, schema: FieldSchema, rejections: Rejections
    ) -> "Iterator[RowBlock]":
        """Yield the good rows in blocks, in the order of the body; refused ones go to `rejections`."""
        ...


class FrameStage(Protocol):
    """Where the good rows of a body wait until all of it was read; a context manager that forgets them at the end."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def add(self, key: "SeriesKey", rows: "Frame") -> None:
        """Put rows aside."""
        ...

    def frames(self) -> "Iterator[tuple[SeriesKey, Frame]]":
        """Yield what was put aside, in that order."""
        ...
