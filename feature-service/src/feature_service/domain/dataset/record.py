"""A data set as it is kept: its state, its figures, its manifest; and the ports to where it is kept."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from feature_service.domain.dataset.plan import DatasetPlan

if TYPE_CHECKING:
    from feature_service.domain.dataset.build import BuiltDataset


class DatasetState(StrEnum):
    """How far a data set is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen."""
        return self in {DatasetState.DONE, DatasetState.FAILED}


class FileFormat(StrEnum):
    """The forms a data set can be downloaded in."""

    NPZ = "npz"
    PARQUET = "parquet"
    CSV = "csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A data set or its job. Figures and manifest are there when it is done; `failure` says why it failed.

    `created` is in microseconds since the epoch, `progress` from 0 to 1, `manifest` JSON text.
    """

    id: str
    model_code: str
    created: int
    state: DatasetState = DatasetState.QUEUED
    progress: float = 0.0
    failure: str = ""
    train_samples: int = 0
    val_samples: int = 0
    feature_names: Sequence[str] = ()
    class_distribution: Mapping[str, int] = field(default_factory=dict[str, int])
    manifest: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """Bytes of a file: from `offset` on (negative: so many before its end), `length` at most; 0: to the end."""

    offset: int = 0
    length: int = 0

    def within(self, size: int) -> tuple[int, int]:
        """Return the first byte and the number of bytes in a file of `size`; no bytes when it begins behind the end."""
        start = min(self.offset if self.offset >= 0 else max(0, size + self.offset), size)
        return start, min(self.length or size, size - start)


WHOLE_FILE: Final = ByteRange()


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetDownload:
    """A file on its way out: its name, media type, size in bytes, and the `length` bytes from `offset` in pieces."""

    filename: str
    content_type: str
    size_bytes: int
    offset: int
    length: int
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Which replica builds a data set, and until when (microseconds since the epoch) it need not say so again."""

    owner: str
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AbandonedJob:
    """A data set that nobody builds any more, and what it is to be made of."""

    tenant_id: str
    dataset: Dataset
    plan: DatasetPlan


class DatasetStore(Protocol):
    """The records of data sets by tenant and id."""

    async def add(self, tenant_id: str, added: Dataset, lease: Lease, plan: DatasetPlan | None = None) -> None:
        """Add a record of a data set that the owner of `lease` builds for the first time.

        Without `plan` nobody else can build it.
        """
        ...

    async def change(self, tenant_id: str, changed: Dataset, *, owner: str) -> bool:
        """Replace the record of that id; False when it was removed, or taken over from `owner`."""
        ...

    async def dataset(self, tenant_id: str, dataset_id: str) -> Dataset | None:
        """Return the record, None when the tenant has none of that id."""
        ...

    async def get_by_request(self, tenant_id: str, request_id: str) -> Dataset | None:
        """Return the record that was made for a request id."""
        ...

    async def datasets(self, tenant_id: str, *, before: str, limit: int) -> Sequence[Dataset]:
        """Return at most `limit` records, newest first, after the one with id `before` (from the newest when empty)."""
        ...

    async def ended_before(self, created: int, *, owner: str, limit: int) -> Sequence[tuple[str, str]]:
        """Return tenant and id of ended data sets of `owner` that were begun before that moment, oldest first."""
        ...

    async def remove(self, tenant_id: str, dataset_id: str) -> bool:
        """Remove the record; return whether it was there."""
        ...

    async def renew(self, lease: Lease) -> None:
        """Let the owner keep all that it builds until the end of `lease`."""
        ...

    async def release(self, owner: str) -> None:
        """Give up the leases of what `owner` has not finished: it ends, and that was no failed attempt."""
        ...

    async def take_abandoned(
        self, lease: Lease, *, now: int, attempts: int, limit: int, owner: str = ""
    ) -> Sequence[AbandonedJob]:
        """Take over at most `limit` unfinished data sets, oldest first; nobody else gets the same ones.

        They have a plan and were begun fewer than `attempts` times; their lease is over, or `owner` built them.
        """
        ...

    async def fail_abandoned(self, failure: str, *, now: int, attempts: int, owner: str = "") -> int:
        """Mark as failed what is unfinished, not to be taken over, and whose lease is over, or that `owner` built.

        Return how many.
        """
        ...


class DatasetFiles(Protocol):
    """The files of data sets by id."""

    async def save(self, dataset_id: str, built: "BuiltDataset") -> None:
        """Write the arrays; all of them or, after a failure, nothing."""
        ...

    async def download(
        self, dataset_id: str, file_format: FileFormat, wanted: ByteRange = WHOLE_FILE
    ) -> DatasetDownload:
        """Return the file in a format, made from the arrays when it is asked for first."""
        ...

    async def remove(self, dataset_id: str) -> None:
        """Delete all files of the data set."""
        ...
