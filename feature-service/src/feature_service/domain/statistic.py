"""Statistics of fields over a range, as a store computes them."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldStatistic:
    """One field over a range of rows, as pandas gives it: `std` is the sample deviation (divisor n - 1).

    `count` is the number of values, `missing_ratio` the share of rows without one. The numbers are None without
    a value (and `std` with a single one).
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeStatistic:
    """All asked-for fields over a range; times in microseconds since the epoch, None without rows.

    `correlations` is the Pearson matrix row by row in the order of `fields`, over the rows that have both of two
    fields; NaN where fewer than two such rows exist or a field does not vary. Empty when not asked for.
    """

    rows: int
    fields: Sequence[FieldStatistic]
    first_time: int | None = None
    last_time: int | None = None
    correlations: Sequence[float] = ()
