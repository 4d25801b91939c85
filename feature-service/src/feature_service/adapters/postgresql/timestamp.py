"""Times in statements and in COPY BINARY: microseconds since 1970 here, since 2000 there."""

from datetime import datetime, timedelta
from typing import Final

from feature_service.domain.model.span import END_MICROS, EPOCH, FIRST_MICROS, Span, micros_of

PG_EPOCH_MICROS: Final = 946_684_800_000_000
"""2000-01-01 UTC in microseconds since 1970: the zero of PostgreSQL's timestamps."""


def timestamp_literal(micros: int) -> str:
    """Return the time as an SQL literal; one beyond the calendar as the infinity of its side."""
    if micros < FIRST_MICROS:
        return "'-infinity'::timestamptz"
    if micros >= END_MICROS:
        return "'infinity'::timestamptz"
    return f"'{(EPOCH + timedelta(microseconds=micros)).isoformat()}'::timestamptz"


def within(time: str, span: Span) -> list[str]:
    """Return the tests that hold for rows whose expression `time` is in `span`."""
    tests: list[str] = []
    if span.start is not None:
        tests.append(f"{time} >= {timestamp_literal(span.start)}")
    if span.end is not None:
        tests.append(f"{time} < {timestamp_literal(span.end)}")
    return tests


def micros_or_none(moment: datetime | None) -> int | None:
    """Return the time in microseconds since 1970, None for none."""
    return None if moment is None else micros_of(moment)
