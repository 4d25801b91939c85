"""The port to where telemetry is kept, and the questions it answers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from feature_service.domain.span import Extent, Span
from feature_service.domain.statistic import FittingTime, RangeStatistic, ValueCount

if TYPE_CHECKING:
    from feature_service.domain.frame import Frame


class FieldKind(StrEnum):
    """What a field's values are."""

    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class SeriesKey:
    """Whose rows: a device of a tenant."""

    tenant_id: str
    device_code: str


class Operator(StrEnum):
    """How a filter compares a value with its operands."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    IN = "in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A row fits when its value of `field` compares so with `operands` (one, or any of several for IN).

    A row without a value of the field fits no condition, NE included. With `any_of` a row fits where any of those does.
    """

    field: str = ""
    operator: Operator = Operator.EQ
    operands: tuple[float | str, ...] = ()
    any_of: "tuple[Condition, ...]" = ()

    @property
    def alternatives(self) -> "tuple[Condition, ...]":
        """The conditions of which one is enough: itself without `any_of`."""
        return self.any_of or (self,)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewestQuery:
    """The rows of several series that fit every condition, newest first, `limit` of them after `offset`."""

    fields: Sequence[str]
    span: Span
    conditions: Sequence[Condition] = ()
    offset: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NewestRows:
    """Rows with the device of each, and how many rows fit in all."""

    frame: "Frame"
    device_codes: Sequence[str]
    total: int


class Aggregate(StrEnum):
    """What a bucket of rows is reduced to, per field."""

    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    FIRST = "first"
    LAST = "last"
    COUNT = "count"
    SUM = "sum"
    STD = "std"
    MEDIAN = "median"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsQuery:
    """What to compute of the rows of a range that fit every condition; `percentiles` from 0 to 100."""

    fields: Sequence[str]
    span: Span
    conditions: Sequence[Condition] = ()
    percentiles: Sequence[float] = ()
    extreme_times: bool = False
    correlate: bool = False
    value_counts: bool = False
    durations: bool = False
    integrals: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldInsight:
    """Of a number field: when it was first lowest and highest (microseconds), and the percentiles asked for."""

    min_time: int | None = None
    max_time: int | None = None
    percentiles: Sequence[float] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryQuery:
    """The rows of one series; with `interval` (microseconds) one row per bucket that has any.

    Buckets start at whole multiples of the interval since the epoch. Numbers are reduced by `aggregate`; texts
    by the value at the bucket's first (`first`) or last time, counted for `count`.
    """

    fields: Sequence[str]
    span: Span
    interval: int | None = None
    aggregate: Aggregate = Aggregate.MEAN
    limit: int = 10_000
    newest_first: bool = False
    conditions: Sequence[Condition] = ()


class TelemetryStore(Protocol):
    """Rows of devices by time. A series that was never written to is empty, not an error.

    Columns are asked for by field name; one that the series does not have comes back wholly missing.
    Every method raises Unavailable TELEMETRY_UNAVAILABLE when the store can't be reached.
    """

    async def append(self, key: SeriesKey, rows: "Frame") -> None:
        """Write rows, of strictly ascending times, in one transaction.

        A row at a time that exists already is merged with it field by field: a value given replaces the one
        stored, a missing one leaves it. Raises InvalidArgument FIELD_TYPE_CONFLICT when a field holds the
        other kind of values.
        """
        ...

    async def append_all(self, parts: "Iterable[tuple[SeriesKey, Frame]]") -> None:
        """Write the rows of several series, each as :meth:`append` does, all in one transaction or none.

        `parts` is gone through while the transaction is open, beside the event loop.
        """
        ...

    async def fields(self, key: SeriesKey) -> Mapping[str, FieldKind]:
        """Return the fields that were ever written, in the order of their first appearance."""
        ...

    async def extent(self, key: SeriesKey) -> Extent | None:
        """Return the first and last time and the number of rows; None without rows."""
        ...

    async def read(self, key: SeriesKey, fields: Sequence[str], span: Span) -> "Frame":
        """Return the rows in the range in ascending order of time."""
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

    async def ping(self) -> None:
        """Return when the store answers."""
        ...
