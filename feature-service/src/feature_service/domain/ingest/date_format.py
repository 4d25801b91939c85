"""Times as spreadsheets and loggers write them: day or month first, a clock of twelve hours."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from feature_service.domain.ingest.clock_text import iso_clock
from feature_service.domain.ingest.named_date import is_short_named_date, iso_of_named_date, whole_year

_WRITTEN: Final = re.compile(r"([0-9]{1,4})([./-])([0-9]{1,2})\2([0-9]{1,4})(?:[T\s,]+(.*))?", re.DOTALL)
_MONTHS: Final = 12
_LONGEST_DAY: Final = 31


class DateOrder(StrEnum):
    """Which of the numbers in ``02/03/2026`` is the month."""

    DAY_FIRST = "dmy"
    MONTH_FIRST = "mdy"


@dataclass(slots=True, kw_only=True)
class OrderCheck:
    """Whether the dates of a body are of the order that was named.

    A date that the other order alone has (`against` is the first) shows that the order is wrong; then those that both
    orders have (`doubtful`) were read with day and month exchanged.
    """

    order: DateOrder
    against: str = ""
    doubtful: bool = False

    def look(self, cells: Sequence[str]) -> None:
        """Look at the cells of some rows, until it is known that the order is wrong."""
        if self.is_wrong:
            return
        for cell in cells:
            first, second = _first_numbers(cell)
            day, month = (first, second) if self.order is DateOrder.DAY_FIRST else (second, first)
            if month > _MONTHS >= day > 0:
                self.against = self.against or cell.strip()
            elif 0 < day <= _MONTHS and 0 < month <= _MONTHS and day != month:
                self.doubtful = True

    @property
    def is_wrong(self) -> bool:
        """Whether rows would be stored at wrong times."""
        return bool(self.against) and self.doubtful


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
    """Whether a cell is a time whose day, month or year of two digits can't be told apart without an order."""
    found = _WRITTEN.fullmatch(cell.strip())
    return _is_year_last(found) or is_short_named_date(cell.strip())


def _is_year_last(found: re.Match[str] | None) -> bool:
    return found is not None and len(found[1]) < 3 and len(found[4]) in {2, 4}


def _first_numbers(cell: str) -> tuple[int, int]:
    """The day and the month of a date whose year stands last, in the order they are written; 0, 0 for anything else."""
    found = _WRITTEN.fullmatch(cell.strip())
    if found is None or not _is_year_last(found):
        return 0, 0
    numbers = int(found[1]), int(found[3])
    return numbers if max(numbers) <= _LONGEST_DAY else (0, 0)


def _iso_time(cell: str, order: DateOrder | None) -> str:
    found = _WRITTEN.fullmatch(cell.strip())
    if found is None:
        return _checked(iso_of_named_date(cell.strip(), short_year=order is not None)) or cell
    day = _iso_date(found, order)
    clock = iso_clock(found[5]) if found[5] else "00:00:00"
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
    elif order and _is_year_last(found):
        year, day, month = (third, first, second) if order is DateOrder.DAY_FIRST else (third, second, first)
    else:
        return ""
    return f"{whole_year(year)}-{month:0>2}-{day:0>2}"
