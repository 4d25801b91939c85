"""What a store computed of fields and of rows that fit, as the statistics of a range."""

from collections.abc import Sequence
from itertools import combinations
from math import nan
from typing import Any, Final

from feature_service.domain.model.statistic import FieldStatistic, FittingTime, Spell

NAMES: Final = ("mean", "std", "min", "max", "median", "first", "last", "sum")
"""The values of a field, after their count."""


def field_statistic(field: str, rows: int, values: Sequence[Any]) -> FieldStatistic:
    """Return the statistic of a field over `rows` rows: `values` are its count and those of NAMES."""
    present = int(values[0])
    return FieldStatistic(
        field=field,
        count=present,
        missing_ratio=(rows - present) / rows if rows else 0.0,
        **(dict(zip(NAMES, values[1:], strict=True)) if present else {}),
    )


def correlation_matrix(fields: Sequence[FieldStatistic], pairs: Sequence[float | None]) -> list[float]:
    """Return the matrix row by row; `pairs` are the correlations of the combinations of two fields."""
    size = len(fields)
    matrix = [nan] * (size * size)
    for index, field in enumerate(fields):
        if field.count > 1 and field.min != field.max:
            matrix[index * size + index] = 1.0
    for (left, right), value in zip(combinations(range(size), 2), pairs, strict=True):
        matrix[left * size + right] = matrix[right * size + left] = nan if value is None else value
    return matrix


def fitting_time(row: Sequence[Any]) -> FittingTime:
    """Return how long the rows that fit lasted, all times in microseconds.

    `row` is how long those and all rows lasted, the number of spells, begins and lengths of the longest, begin and
    length of the last one, whether the last row is part of it, and number, length, begins and lengths of gaps.
    """
    fitting, whole, spells, begins, lengths, last, lasted, ongoing, gaps, silent, opens, widths = row
    longest = _spells(begins, lengths)
    return FittingTime(
        seconds=float(fitting) / 1e6,
        range_seconds=float(whole) / 1e6,
        spells=spells,
        longest_seconds=longest[0].seconds if longest else 0.0,
        longest_start=longest[0].start if longest else None,
        longest=longest,
        last=None if last is None else Spell(start=last, seconds=float(lasted) / 1e6),
        ongoing=bool(ongoing),
        gaps=gaps,
        gap_seconds=float(silent) / 1e6,
        longest_gaps=_spells(opens, widths),
    )


def _spells(begins: Sequence[Any] | None, lengths: Sequence[Any] | None) -> list[Spell]:
    pairs = zip(begins or (), lengths or (), strict=True)
    return [Spell(start=start, seconds=float(lasts) / 1e6) for start, lasts in pairs]
