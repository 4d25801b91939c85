"""Numbers of a database: kept here once, read by the metrics."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

# A read or transaction that takes longer counts as slow.
SLOW_SECONDS: Final = 0.5


@dataclass(slots=True)
class DatabaseCounts:
    """Reads and transactions since the start, those that were slow or not answered by the store, and those under way.

    The ones under way hold a connection or wait for one; a transaction's time is that of its whole block. `wal_bytes`
    tells the size of SQLite's log, `deleted` by kind how many rows were older than their time.
    """

    reads: int = 0
    writes: int = 0
    slow: int = 0
    failures: int = 0
    under_way: int = 0
    wal_bytes: Callable[[], int] | None = None
    deleted: dict[str, int] = field(default_factory=dict[str, int])

    def end(self, seconds: float, is_write: bool) -> None:
        """Count one that has ended."""
        self.under_way -= 1
        if is_write:
            self.writes += 1
        else:
            self.reads += 1
        if seconds > SLOW_SECONDS:
            self.slow += 1
