"""Statistics of fields over a range, as a store computes them."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldStatistic:
    """One field over a range of rows, as pandas gives it: `std` is the sample deviation (divisor n - 1).

    `count` is the number of values, `missing_ratio` the share of rows without one. The numbers are None without
    a value (and `std` with a single one). `min_time` and `max_time` (microseconds since the epoch) and `percentiles`
    are there when they were asked for.
    """

    field: str
    count: int
    missing_ratio: float
    mean: float | None = None
    std: float | None = None
    min: float | None = None
    max: float | None = None
    median: float | None = None
    first: float | None = None
    last: float | None = None
    sum: float | None = None
    min_time: int | None = None
    max_time: int | None = None
    percentiles: Sequence[float] = ()
    integral: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueCount:
    """How many rows have this value of a text field; an empty one is a missing one."""

    field: str
    value: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """An uninterrupted stretch of rows that fit, from `start` (microseconds since the epoch) on."""

    start: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FittingTime:
    """How long the rows that fit lasted, of all rows in range, and in how many uninterrupted spells.

    A row lasts until the next one, but no longer than ten times the median distance of rows. `longest_start` is in
    microseconds since the epoch, None without a spell. `longest` are the ten longest, `last` is the last spell, which
    is `ongoing` when the last row in range is part of it. `gaps` are those between rows after which nothing is known,
    `longest_gaps` the ten longest of them, each from the last row before it.
    """

    seconds: float = 0.0
    range_seconds: float = 0.0
    spells: int = 0
    longest_seconds: float = 0.0
    longest_start: int | None = None
    longest: Sequence[Spell] = ()
    last: Spell | None = None
    ongoing: bool = False
    gaps: int = 0
    gap_seconds: float = 0.0
    longest_gaps: Sequence[Spell] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeStatistic:
    """All asked-for fields over a range; times in microseconds since the epoch, None without rows.

    `correlations` is the Pearson matrix row by row in the order of `fields`, over the rows that have both of two
    fields; NaN where fewer than two such rows exist or a field does not vary. Empty when not asked for.
    `rows` fit the conditions, `rows_in_range` are in the range.
    """

    rows: int
    fields: Sequence[FieldStatistic]
    first_time: int | None = None
    last_time: int | None = None
    correlations: Sequence[float] = ()
    rows_in_range: int = 0
    value_counts: Sequence[ValueCount] = ()
    fitting_time: FittingTime | None = None
