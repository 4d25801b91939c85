"""What is being ingested and how its body is to be read."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from enum import StrEnum
from typing import IO, TYPE_CHECKING, Protocol, Self

from feature_service.domain.ingest.rejection import Rejection, Rejections
from feature_service.domain.ingest.schema import FieldSchema

if TYPE_CHECKING:
    from feature_service.domain.frame import Frame


class BodyFormat(StrEnum):
    """The form of a body."""

    JSON = "json"
    CSV = "csv"
    ARROW = "arrow"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestPlan:
    """One ingest. Empty `timestamp_column`: ``timestamp``, or the one column with a name like it.

    Empty `delimiter`: guessed from the header. `zone` is that of times without one. `create` registers an unknown
    device, its fields and the model.
    """

    format: BodyFormat
    device_code: str = ""
    model_code: str = ""
    timestamp_column: str = ""
    delimiter: str = ""
    zone: tzinfo = UTC
    create: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """What became of a body: rows stored and refused (the first refusals listed), and the fields it brought."""

    device_code: str
    model_code: str
    accepted: int
    rejected: int
    errors: tuple[Rejection, ...] = ()
    fields: tuple[str, ...] = field(default=())


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
        """Append bytes. Raises PayloadTooLarge BODY_TOO_LARGE past the limit."""
        ...

    def body(self) -> IO[bytes]:
        """Return what was written, from its start."""
        ...


class BodyReader(Protocol):
    """Reads one format. Both methods block and raise InvalidArgument when the body as a whole makes no sense."""

    def target(self, body: IO[bytes]) -> BodyTarget:
        """Return what the body says about where it belongs."""
        ...

    def rows(self, body: IO[bytes], plan: IngestPlan, schema: FieldSchema, rejections: Rejections) -> "Iterator[Frame]":
        """Yield the good rows in blocks, in the order of the body; refused ones go to `rejections`."""
        ...
