"""What the cell of a time means: an instant, or a local time that the body's zone makes one."""

import re
from datetime import datetime, timedelta, tzinfo
from decimal import ROUND_FLOOR, Context, Decimal
from typing import Any, Final

from feature_service.domain.ingest.date_format import is_day_or_month_first
from feature_service.domain.ingest.named_date import iso_of_named_date
from feature_service.domain.ingest.zone import instant_of
from feature_service.domain.model.span import END_MICROS, FIRST_MICROS

_EPOCH: Final = datetime(1970, 1, 1)
_MICROSECOND: Final = timedelta(microseconds=1)
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d*)?|[+-]?\.\d+", re.ASCII)
# Epoch numbers: the unit is told by the size. 1e11 s is the year 5138; 1e11 ms is 1973.
_EPOCH_UNITS: Final = (
    (Decimal(10**11), Decimal(10**6)),
    (Decimal(10**14), Decimal(10**3)),
    (Decimal(10**17), Decimal(1)),
    (Decimal(10**20), Decimal("0.001")),
)
# Wide enough for every digit of a nanosecond count and its fraction.
_EXACT: Final = Context(prec=80)


def parse_time(cell: Any, zone: tzinfo) -> int:
    """Return the time in microseconds since the epoch; digits beyond the microsecond are cut off.

    ISO 8601 (``2024-05-01 10:00:00``, with ``T``, fraction, ``Z`` or offset; ``/`` between the parts of the date
    too), or a date that says which number is the month (``01-Jan-2026``, ``2026年1月1日``, see
    :mod:`feature_service.domain.ingest.named_date`), in `zone` when it names none, where the first of two equal local
    times is meant; or a number of seconds,
    milliseconds, microseconds or nanoseconds since the epoch, told apart by size. Raises ValueError with the reason,
    also for a time that does not exist in `zone` and one outside the years 1 to 9999.
    """
    micros, is_local = read_time(cell)
    if is_local:
        micros = instant_of(micros, zone)
    return require_calendar(micros, cell)


def read_time(cell: Any) -> tuple[int, bool]:
    """Return the microseconds since the epoch, and whether they count local time. Raises ValueError."""
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return _epoch_time(Decimal(repr(cell)), cell), False
    if not isinstance(cell, str) or not cell.strip():
        raise ValueError(f"timestamp {shown(cell)} is not a time" if cell not in (None, "") else "timestamp is missing")
    text = cell.strip()
    if _NUMBER.fullmatch(text) and len(text.lstrip("+-").split(".")[0]) > 8:
        return _epoch_time(Decimal(text), cell), False
    moment = _moment(text)
    if moment is None:
        raise ValueError(f"timestamp {shown(cell)} is not a time; {_remedy(text)}")
    local = (moment.replace(tzinfo=None) - _EPOCH) // _MICROSECOND
    offset = moment.utcoffset()
    return (local, True) if offset is None else (local - offset // _MICROSECOND, False)


def _moment(text: str) -> datetime | None:
    for written in (text.replace("/", "-"), iso_of_named_date(text)):
        try:
            return datetime.fromisoformat(written)
        except ValueError:
            continue
    return None


def _remedy(text: str) -> str:
    iso = "write ISO 8601, as 2024-05-01T10:00:00Z"
    if is_day_or_month_first(text):
        return f"{iso}; or, of a CSV, name the order of day, month and year with date_order=dmy or mdy"
    return iso


def require_calendar(micros: int, cell: Any) -> int:
    """Return `micros`; raise ValueError when the time is outside the years 1 to 9999."""
    if not FIRST_MICROS <= micros < END_MICROS:
        raise ValueError(outside_calendar(cell))
    return micros


def outside_calendar(cell: Any) -> str:
    """Return the sentence about a time that no calendar has."""
    return f"timestamp {shown(cell)} is outside the years 1 to 9999 (in UTC)"


def shown(cell: Any) -> str:
    """Return a cell for a message, cut when it is long."""
    text = repr(cell)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _epoch_time(value: Decimal, cell: Any) -> int:
    if not value.is_finite():
        raise ValueError(f"timestamp {cell} is not a time")
    size = abs(value)
    for bound, micros in _EPOCH_UNITS:
        if size < bound:
            return int(_EXACT.multiply(value, micros).to_integral_value(ROUND_FLOOR, _EXACT))
    raise ValueError(f"timestamp {shown(cell)} is too large for a time since {_EPOCH.year}")
