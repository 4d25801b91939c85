"""What one cell of a body means: a number, a text, or nothing."""

import math
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Protocol

from feature_service.domain.ingest.timestamp_cell import shown
from feature_service.domain.model.series import FieldKind

if TYPE_CHECKING:
    from feature_service.domain.model.array import FloatArray

SAMPLE: Final = 1000
"""Values that are looked at to tell the kind of an unknown field."""


class CellReader(Protocol):
    """How the cells of one format are understood. Cell methods raise ValueError with the reason to refuse a row."""

    guesses: bool
    """Whether the format says nothing of kinds, so that one is a guess."""

    def column_kind(self, field: str, column: Sequence[Any]) -> FieldKind | None:
        """Return what the field's cells look like; None when all are empty."""
        ...

    def numbers(self, field: str) -> "NumberReader":
        """Return how the field's numbers are written."""
        ...

    def text(self, cell: Any) -> str | None:
        """Return the text, None for a missing one."""
        ...

    def whole_number(self, cell: Any) -> int | None:
        """Return the whole number that a cell holds, None when it holds something else."""
        ...


class NumberReader(Protocol):
    """How the numbers of one field are written."""

    def number(self, cell: Any) -> float:
        """Return the finite number, NaN for a missing one; raise ValueError with the reason to refuse the row."""
        ...

    def plain_numbers(self, column: Sequence[Any]) -> "Sequence[float] | FloatArray":
        """Return a column that is all plain numbers, fast; raise ValueError when it may be anything else."""
        ...

    def parsed_numbers(self, column: Sequence[Any]) -> "FloatArray | None":
        """Return what reading each cell would give, NaN for missing ones, when the column was parsed already."""
        ...


class JsonCells:
    """Values of parsed JSON."""

    guesses = False

    def column_kind(self, field: str, column: Sequence[Any]) -> FieldKind | None:
        """Return the kind of most values: NUMBER for numbers and truth values, None when all are null."""
        kinds = [
            isinstance(cell, int | float) for cell in islice((cell for cell in column if cell is not None), SAMPLE)
        ]
        if not kinds:
            return None
        return FieldKind.NUMBER if 2 * sum(kinds) >= len(kinds) else FieldKind.TEXT

    def numbers(self, field: str) -> "JsonCells":
        """Return itself: JSON knows one way to write numbers."""
        return self

    def number(self, cell: Any) -> float:
        """Return the number; true and false are 1 and 0."""
        if cell is None:
            return math.nan
        if not isinstance(cell, int | float):
            raise ValueError(f"{shown(cell)} is not a number")
        try:
            value = float(cell)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise ValueError(f"{shown(cell)} is not a finite number")
        return value

    def plain_numbers(self, column: Sequence[Any]) -> Sequence[float]:
        """Return the column when it holds nothing but numbers."""
        if not {int, float}.issuperset(map(type, column)):
            raise ValueError("not plain")
        return column

    def parsed_numbers(self, column: Sequence[Any]) -> None:
        """Return None: nothing is parsed before."""

    def text(self, cell: Any) -> str | None:
        """Return the text."""
        if cell is None or isinstance(cell, str):
            return cell or None
        raise ValueError(f"{shown(cell)} is not a text")

    def whole_number(self, cell: Any) -> int | None:
        """Return the cell when it is a whole number."""
        return cell if isinstance(cell, int) else None
