"""Whole numbers that no double holds: beyond 2^53 the nearest one is stored, which is told and not done in silence."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import numpy as np

from feature_service.domain.model.array import FloatArray

_EXACT: Final = 2.0**53
"""Up to here a double holds every whole number; the first that it does not is read as this one."""
_SHOWN: Final = 20


def rounded_rows(values: FloatArray, whole_number: Callable[[int], int | None]) -> list[int]:
    """Return the rows whose value is another than the whole number that was given.

    `whole_number` says which that is in a row, None where there is none; it is asked only of large values.
    """
    rows: list[int] = []
    for row in np.flatnonzero(np.abs(values) >= _EXACT).tolist():
        whole = whole_number(row)
        if whole is not None and np.isfinite(values[row]) and int(values[row]) != whole:
            rows.append(row)
    return rows


def whole_of(cell: Any) -> int | None:
    """Return the whole number that a typed cell holds, None when it holds something else."""
    if isinstance(cell, Decimal):
        return int(cell) if cell.is_finite() and cell == cell.to_integral_value() else None
    return cell if isinstance(cell, int) else None


def rounding_notes(rounded: Mapping[str, int]) -> Sequence[str]:
    """Return what is to be told of the values that were rounded, by field; nothing without any."""
    if not rounded:
        return ()
    counts = ", ".join(f"{count} of {field!r}" for field, count in list(rounded.items())[:_SHOWN])
    more = f" and some of {len(rounded) - _SHOWN} more fields" if len(rounded) > _SHOWN else ""
    return (
        f"whole numbers beyond 2^53 were rounded to the nearest that a double holds: {counts}{more}; "
        "send them as texts to keep every digit",
    )
