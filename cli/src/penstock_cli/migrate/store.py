"""The port to a store of records, as a move sees it: rows in the order of their keys, and how far the move is."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy import Table

from penstock_cli.migrate.value import Key, Row

# The entry of the progress that says that the whole move was verified.
FINISHED: Final = "*"
_BATCH_BYTES: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the move of a table is: rows written, the key of the last, whether that was all."""

    rows: int = 0
    last_key: Key | None = None
    finished: bool = False


class RecordStore(Protocol):
    """Rows of the tables of one service. Values are None, bool, int, float, str (JSON as its text) and bytes."""

    @property
    def title(self) -> str:
        """The store in messages, without secrets."""
        ...

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a SQLite file (PostgreSQL otherwise)."""
        ...

    async def revision(self, version_table: str) -> str:
        """Return the revision of the schema, empty without a schema."""
        ...

    async def count(self, table: Table) -> int:
        """Return the exact number of rows."""
        ...

    def rows(self, table: Table, after: Key | None = None) -> AsyncGenerator[Row]:
        """Yield the rows in the order of the bytes of their keys, those after the key `after` when it is given."""
        ...

    async def orphans(self, table: Table) -> Sequence[str]:
        """Return a line for each of the first rows whose parent is not there."""
        ...

    async def sequence(self, table: Table) -> int | None:
        """Return the last id that was generated or is there; None where the ids are not generated."""
        ...

    async def set_sequence(self, table: Table, last: int) -> None:
        """Have ids generated after `last` from now on."""
        ...

    async def progress(self) -> Mapping[str, Progress] | None:
        """Return how far the move into this store is by table; None when none was begun."""
        ...

    async def begin(self) -> None:
        """Note that a move into this store was begun."""
        ...

    async def write(self, table: Table, rows: Sequence[Row], progress: Progress) -> None:
        """Write rows and note the progress of their table, both or nothing."""
        ...

    async def note(self, table_name: str, progress: Progress) -> None:
        """Note the progress of a table, or of the whole move."""
        ...


async def batches(rows: AsyncGenerator[Row], most: int) -> AsyncGenerator[list[Row]]:
    """Yield rows in batches of at most `most`, fewer where they are large."""
    batch: list[Row] = []
    size = 0
    async for row in rows:
        batch.append(row)
        size += sum(len(value) for value in row if isinstance(value, str | bytes))
        if len(batch) >= most or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
