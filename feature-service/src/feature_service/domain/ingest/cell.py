"""What one cell of a body means: a number, a text, a time, or nothing."""

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Final, Protocol

from feature_service.domain.span import EPOCH, micros_of
from feature_service.domain.telemetry import FieldKind

MISSING_NUMBERS: Final = frozenset({"", "na", "n/a", "nan", "null", "none", "-"})
"""Texts (in any case) that mean a missing number. Only the empty one means a missing text."""

_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d*)?|[+-]?\.\d+")
# Epoch numbers: the unit is told by the size. 1e11 s is the year 5138; 1e11 ms is 1973.
_EPOCH_UNITS: Final = ((1e11, 1_000_000.0), (1e14, 1_000.0), (1e17, 1.0), (1e20, 0.001))


class CellReader(Protocol):
    """How the cells of one format are understood. Each method raises ValueError with the reason to refuse a row."""

    def kind(self, cell: Any) -> FieldKind | None:
        """Return what the cell looks like; None when it is empty."""
        ...

    def number(self, cell: Any) -> float:
        """Return the finite number, NaN for a missing one."""
        ...

    def plain_numbers(self, column: Sequence[Any]) -> Sequence[float]:
        """Return a column that is all plain numbers, fast; raise ValueError when it may be anything else."""
        ...

    def text(self, cell: Any) -> str | None:
        """Return the text, None for a missing one."""
        ...


class TextCells:
    """Cells of a text format such as CSV."""

    def kind(self, cell: str) -> FieldKind | None:
        """Return NUMBER for what parses as one, None for an empty cell."""
        if cell.strip().lower() in MISSING_NUMBERS:
            return None
        try:
            self.number(cell)
        except ValueError:
            return FieldKind.TEXT
        return FieldKind.NUMBER

    def number(self, cell: str) -> float:
        """Return the number in the cell; true and false are 1 and 0."""
        text = cell.strip().lower()
        if text in MISSING_NUMBERS:
            return math.nan
        if text in _FLAGS:
            return _FLAGS[text]
        try:
            value = float(text)
        except ValueError:
            value = math.inf
        if "_" in text or not math.isfinite(value):
            raise ValueError(f"{cell!r} is not a number{_comma_hint(cell)}")
        return value

    def plain_numbers(self, column: Sequence[str]) -> Sequence[float]:
        """Return the floats; an underscore, which Python allows between digits, is not plain."""
        if "_" in "".join(column):
            raise ValueError("not plain")
        return list(map(float, column))

    def text(self, cell: str) -> str | None:
        """Return the cell as it is."""
        return cell or None


class JsonCells:
    """Values of parsed JSON."""

    def kind(self, cell: Any) -> FieldKind | None:
        """Return NUMBER for numbers and truth values, None for null."""
        if cell is None:
            return None
        return FieldKind.NUMBER if isinstance(cell, int | float) else FieldKind.TEXT

    def number(self, cell: Any) -> float:
        """Return the number; true and false are 1 and 0."""
        if cell is None:
            return math.nan
        if not isinstance(cell, int | float):
            raise ValueError(f"{_shown(cell)} is not a number")
        try:
            value = float(cell)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise ValueError(f"{_shown(cell)} is not a finite number")
        return value

    def plain_numbers(self, column: Sequence[Any]) -> Sequence[float]:
        """Return the column when it holds nothing but numbers."""
        if not {int, float}.issuperset(map(type, column)):
            raise ValueError("not plain")
        return column

    def text(self, cell: Any) -> str | None:
        """Return the text."""
        if cell is None or isinstance(cell, str):
            return cell or None
        raise ValueError(f"{_shown(cell)} is not a text")


_FLAGS: Final = {"true": 1.0, "false": 0.0}


def parse_time(cell: Any, zone: tzinfo) -> int:
    """Return the time in microseconds since the epoch.

    ISO 8601 (``2024-05-01 10:00:00``, with ``T``, fraction, ``Z`` or offset; ``/`` between the parts of the date
    too), in `zone` when it names none; or a number of seconds, milliseconds, microseconds or nanoseconds since the
    epoch, told apart by size. Raises ValueError with the reason.
    """
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return _epoch_time(float(cell))
    if not isinstance(cell, str) or not cell.strip():
        raise ValueError(
            f"timestamp {_shown(cell)} is not a time" if cell not in (None, "") else "timestamp is missing"
        )
    text = cell.strip()
    if _NUMBER.fullmatch(text) and len(text.split(".")[0]) > 8:
        return _epoch_time(float(text))
    try:
        moment = datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        raise ValueError(f"timestamp {cell!r} is not a time; write ISO 8601, as 2024-05-01T10:00:00Z") from None
    return naive_micros(moment.replace(tzinfo=zone) if moment.tzinfo is None else moment)


def naive_micros(moment: datetime) -> int:
    """Return the microseconds since the epoch of a time with a zone."""
    return micros_of(moment) if moment.tzinfo is UTC else micros_of(moment.astimezone(UTC))


def _epoch_time(value: float) -> int:
    if not math.isfinite(value):
        raise ValueError(f"timestamp {value} is not a time")
    for bound, micros in _EPOCH_UNITS:
        if abs(value) < bound:
            return round(value * micros)
    raise ValueError(f"timestamp {value:g} is too large for a time since {EPOCH.year}")


def _comma_hint(cell: str) -> str:
    return "; write decimals with a point" if re.fullmatch(r"\s*[+-]?\d*,\d+\s*", cell) else ""


def _shown(cell: Any) -> str:
    text = repr(cell)
    return text if len(text) <= 60 else f"{text[:57]}..."
