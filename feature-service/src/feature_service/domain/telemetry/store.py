"""The port to where telemetry is kept."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from feature_service.domain.model.series import FieldKind, SeriesKey
from feature_service.domain.model.span import Extent, Span
from feature_service.domain.model.statistic import FittingTime, RangeStatistic, ValueCount
from feature_service.domain.telemetry.query import (
    Condition,
    FieldInsight,
    HistoryQuery,
    NewestQuery,
    NewestRows,
    StatisticsQuery,
)

if TYPE_CHECKING:
    from feature_service.domain.model.frame import Frame


class TelemetryStore(Protocol):
    """Rows of devices by time. A series that was never written to is empty, not an error.

    Columns are asked for by field name; one that the series does not have comes back wholly missing.
    Every method raises Unavailable TELEMETRY_UNAVAILABLE when the store can't be reached. The contract suite is
    ``penstock_testkit.contracts.telemetry_store``.
    """

    @property
    def is_open(self) -> bool:
        """Whether the store is in use already, so that using it loads nothing more into this process."""
        ...

    async def append(self, key: SeriesKey, rows: "Frame") -> None:
        """Write rows, of strictly ascending times: each row whole or not at all, and repeating is harmless.

        After a failure some of the rows may be stored, unless the store has transactions. A row at a time that
        exists already is merged with it field by field: a value given replaces the one stored, a missing one leaves
        it. Raises InvalidArgument FIELD_TYPE_CONFLICT when a field holds the other kind of values.
        """
        ...

    async def append_all(self, parts: "Iterable[tuple[SeriesKey, Frame]]", *, tenant_id: str = "") -> None:
        """Write the rows of several series, each as :meth:`append` does; a store with transactions, all or none.

        `parts` is gone through once, beside the event loop. Writes of different tenants take turns.
        """
        ...

    async def series(self) -> Sequence[SeriesKey]:
        """Return every series that was written to, in order."""
        ...

    async def fields(self, key: SeriesKey) -> Mapping[str, FieldKind]:
        """Return the fields that were ever written, in the order of their first appearance."""
        ...

    def version(self, key: SeriesKey) -> int | None:
        """Return a number that is another one after each change of the series' rows, before the change is answered.

        None where others than this process may change them, so that nobody could tell without asking.
        """
        ...

    async def extent(self, key: SeriesKey) -> Extent | None:
        """Return the first and last time and the number of rows; None without rows."""
        ...

    def blocks(
        self, key: SeriesKey, fields: Sequence[str], span: Span, rows: int | None = None
    ) -> "AsyncGenerator[Frame]":
        """Yield the rows in the range in ascending order of time, in blocks of at most `rows`, all at once for None.

        There is at least one block, an empty one when there are no rows. Rows that are written between two blocks
        may be seen or not.
        """
        ...

    async def read(self, key: SeriesKey, fields: Sequence[str], span: Span) -> "Frame":
        """Return the rows in the range in ascending order of time: the fold of their blocks."""
        ...

    async def newest(self, keys: Sequence[SeriesKey], query: NewestQuery) -> NewestRows:
        """Return rows of several series of one tenant, newest first."""
        ...

    async def history(self, key: SeriesKey, query: HistoryQuery) -> "Frame":
        """Return rows or buckets, at most `limit` of them, in the order asked for."""
        ...

    async def statistics(
        self,
        keys: Sequence[SeriesKey],
        fields: Sequence[str],
        span: Span,
        *,
        correlate: bool = False,
        conditions: Sequence[Condition] = (),
    ) -> RangeStatistic:
        """Return the statistics of number fields over all rows of the series in the range that fit."""
        ...

    async def insight(self, key: SeriesKey, query: StatisticsQuery) -> Sequence[FieldInsight]:
        """Return times of extremes and percentiles of each of the number fields."""
        ...

    async def value_counts(self, key: SeriesKey, fields: Sequence[str], query: StatisticsQuery) -> Sequence[ValueCount]:
        """Return the commonest values of text fields, at most 20 of each, in the order of the fields."""
        ...

    async def fitting_time(self, key: SeriesKey, query: StatisticsQuery) -> FittingTime:
        """Return how long the rows that fit lasted."""
        ...

    async def integrals(self, key: SeriesKey, query: StatisticsQuery) -> Sequence[float | None]:
        """Return value times seconds of each of the number fields over the rows that fit, None without a value."""
        ...

    async def row_count(self, key: SeriesKey, span: Span) -> int:
        """Return how many rows are in the range."""
        ...

    async def drop(self, key: SeriesKey) -> None:
        """Delete a series with all its rows; nothing happens when there is none."""
        ...

    async def delete_before(self, micros: int) -> int:
        """Delete all rows of times before that moment, in microseconds since the epoch, in steps; return how many."""
        ...

    async def copy_to(self, target: Path) -> None:
        """Write everything there is at this moment into the new file `target`; writers go on meanwhile."""
        ...

    async def ping(self) -> None:
        """Return when the store answers."""
        ...

    async def close(self) -> None:
        """Finish what runs and close the store."""
        ...
