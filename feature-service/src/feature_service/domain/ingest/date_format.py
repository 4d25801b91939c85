"""Times as spreadsheets and loggers write them: day or month first, a clock of twelve hours."""

import re
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

_WRITTEN: Final = re.compile(r"([0-9]{1,4})([./-])([0-9]{1,2})\2([0-9]{1,4})(?:[T\s,]+(.*))?", re.DOTALL)
_CLOCK: Final = re.compile(
    r"([0-9]{1,2})(?::([0-9][0-9]))?(?::([0-9][0-9](?:[.,][0-9]+)?))?(?:\s*([ap])\.?m\.?)?(Z|[+-][0-9][0-9]:?[0-9][0-9])?",
    re.I,
)


class DateOrder(StrEnum):
    """Which of the numbers in ``02/03/2026`` is the month."""

    DAY_FIRST = "dmy"
    MONTH_FIRST = "mdy"


def joined_times(dates: Sequence[str], clocks: Sequence[str]) -> list[str]:
    """Return the time of each row from its date and its time of day; empty where one of the two is missing."""
    return [
        f"{date} {clock}" if date.strip() and clock.strip() else "" for date, clock in zip(dates, clocks, strict=True)
    ]


def iso_times(cells: Sequence[str], order: DateOrder | None) -> list[str]:
    """Return the cells in ISO 8601. Without an order only a date with its year first is one.

    A cell that is no such time stays as it is, so that whoever reads it next can show it.
    """
    return [_iso_time(cell, order) for cell in cells]


def is_day_or_month_first(cell: str) -> bool:
    """Whether a cell is a time whose year stands last."""
    found = _WRITTEN.fullmatch(cell.strip())
    return found is not None and len(found[4]) == 4


def _iso_time(cell: str, order: DateOrder | None) -> str:
    found = _WRITTEN.fullmatch(cell.strip())
    day = _iso_date(found, order) if found else ""
    clock = _iso_clock(found[5]) if found and found[5] else "00:00:00"
    return _checked(f"{day} {clock}") or cell if day and clock else cell


def _checked(text: str) -> str:
    """`text`, empty when no calendar or clock has it."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return ""
    return text


def _iso_date(found: re.Match[str], order: DateOrder | None) -> str:
    """The date with its year first, empty for one whose order is not known."""
    first, _, second, third, _ = found.groups()
    if len(first) == 4 and len(third) < 3:
        year, month, day = first, second, third
    elif order and len(third) == 4 and len(first) < 3:
        year, day, month = (third, first, second) if order is DateOrder.DAY_FIRST else (third, second, first)
    else:
        return ""
    return f"{year}-{month:0>2}-{day:0>2}"


def _iso_clock(text: str) -> str:
    """The time of day in 24 hours, empty for none."""
    found = _CLOCK.fullmatch(text.strip())
    if found is None or (found[2] is None and found[4] is None):
        return ""
    hour = int(found[1])
    if found[4]:
        if not 1 <= hour <= 12:
            return ""
        hour = hour % 12 + (12 if found[4] in "pP" else 0)
    return f"{hour:02}:{found[2] or '00'}:{(found[3] or '00').replace(',', '.')}{found[5] or ''}"
