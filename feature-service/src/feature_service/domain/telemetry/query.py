"""The questions a telemetry store answers, and the answers that are more than rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from feature_service.domain.model.span import Span

if TYPE_CHECKING:
    from feature_service.domain.model.frame import Frame


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
    """Rows with the device of each, and how many rows fit in all: of very many an estimate, where counting is slow."""

    frame: "Frame"
    device_codes: Sequence[str]
    total: int
    total_is_estimate: bool = False


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


# What asks for readings that keep the shape of a series, in the place of an aggregate, and how few they may be.
LTTB: Final = "lttb"
LEAST_POINTS: Final = 3
# The longest time without a row, in microseconds, that may lie within a spell. Such a silence parts no spell of which
# so many times as much is known on either side of it; less will do of what has been so for minutes.
MOST_BRIDGED: Final = 300_000_000
KNOWN_BESIDE: Final = 5
KNOWN_LONG: Final = 120_000_000
KNOWN_BESIDE_LONG: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsQuery:
    """What to compute of the rows of a range that fit every condition; `percentiles` from 0 to 100.

    With `durations`, spells count that last at least `shortest_spell` microseconds; see `bridged`.
    """

    fields: Sequence[str]
    span: Span
    conditions: Sequence[Condition] = ()
    percentiles: Sequence[float] = ()
    extreme_times: bool = False
    correlate: bool = False
    value_counts: bool = False
    durations: bool = False
    integrals: bool = False
    shortest_spell: int = 0

    @property
    def bridged(self) -> int:
        """How many microseconds without a row part no spell, where rows fit on both sides.

        A spell that has to last is not made two by a silence that is no longer than it, of up to MOST_BRIDGED.
        """
        return min(self.shortest_spell, MOST_BRIDGED)


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
    by the value at the bucket's first (`first`) or last time, counted for `count`. With `order_by`, a number field,
    they come by its values, the lowest first or `descending`, and those without a value are left out. `max_gap`
    (microseconds) is of readings that keep the shape of the series.
    """

    fields: Sequence[str]
    span: Span
    interval: int | None = None
    aggregate: Aggregate = Aggregate.MEAN
    limit: int = 10_000
    newest_first: bool = False
    conditions: Sequence[Condition] = ()
    order_by: str = ""
    descending: bool = False
    max_gap: int | None = None
