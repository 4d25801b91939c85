"""Dates that say which of their numbers is the month: by its name, by 年月日, or by a year of four digits in front."""

import re
from typing import Final

from feature_service.domain.ingest.clock_text import iso_clock

_NAMES: Final = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_WEEKDAY: Final = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
_DAY_NAME_YEAR: Final = re.compile(
    _WEEKDAY + r"([0-9]{1,2})(?:st|nd|rd|th)?[\s./-]*([a-z]{3,9})\.?[\s,./-]*([0-9]{2}|[0-9]{4})(?:[T\s,:]\s*(.*))?",
    re.IGNORECASE | re.DOTALL,
)
_NAME_DAY_YEAR: Final = re.compile(
    _WEEKDAY + r"([a-z]{3,9})\.?[\s/-]+([0-9]{1,2})(?:st|nd|rd|th)?(?:,\s*|[\s/-]+)([0-9]{4})(?:[T\s,:]\s*(.*))?",
    re.IGNORECASE | re.DOTALL,
)
_YEAR_NAME_DAY: Final = re.compile(
    r"([0-9]{4})[\s./-]*([a-z]{3,9})\.?[\s./-]*([0-9]{1,2})(?:[T\s,:]\s*(.*))?", re.IGNORECASE | re.DOTALL
)
_EAST_ASIAN: Final = re.compile(r"([0-9]{4})\s*年\s*([0-9]{1,2})\s*月\s*([0-9]{1,2})\s*[日号號]?\s*(.*)", re.DOTALL)
_YEAR_FIRST: Final = re.compile(r"([0-9]{4})([./-])([0-9]{1,2})\2([0-9]{1,2})(?:[T\s,]+(.*))?", re.DOTALL)
_LAST_CENTURY: Final = 69


def iso_of_named_date(text: str, *, short_year: bool = False) -> str:
    """Return the time in ISO 8601, empty when no one form is meant.

    ``01-Jan-2026 08:00``, ``Thu, 1 January 2026``, ``Jan 1, 2026 8:00 PM``, ``2026-Jan-01``, ``2026年1月1日`` and
    ``2026/1/1 8:00`` are times. One with a year of two digits (``01-Jan-26``) needs `short_year`: it may be the day.
    """
    if found := _EAST_ASIAN.fullmatch(text) or _YEAR_NAME_DAY.fullmatch(text):
        year, month, day, clock = found.groups()
    elif found := _YEAR_FIRST.fullmatch(text):
        year, _, month, day, clock = found.groups()
    elif found := _DAY_NAME_YEAR.fullmatch(text):
        day, month, year, clock = found.groups()
    elif found := _NAME_DAY_YEAR.fullmatch(text):
        month, day, year, clock = found.groups()
    else:
        return ""
    number = month if month.isdigit() else _month(month)
    if not number or (len(year) == 2 and not short_year):
        return ""
    told = iso_clock(clock) if clock else "00:00:00"
    return f"{whole_year(year)}-{number:0>2}-{day:0>2} {told}" if told else ""


def whole_year(year: str) -> str:
    """Return a year in four digits; of two digits 69 to 99 are of the last century, as POSIX has it."""
    if len(year) != 2:
        return year
    return f"19{year}" if int(year) >= _LAST_CENTURY else f"20{year}"


def is_short_named_date(text: str) -> bool:
    """Whether a text would be a time if its year of two digits were known to be one."""
    return bool(iso_of_named_date(text, short_year=True))


def _month(name: str) -> str:
    """The number of the month of an English name, of three letters or whole; empty for none."""
    small = name.lower()
    matching = [
        place for place, each in enumerate(_NAMES, 1) if small in {each, each[:3]} or small == "sept" == each[:4]
    ]
    return str(matching[0]) if matching else ""
