"""A range of time, half open, in microseconds since the Unix epoch."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from penstock_kit.errors import InvalidArgument

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_MICROS: Final = -62_135_596_800_000_000
"""The start of the year 1, in microseconds since the epoch: the first time there is."""

END_MICROS: Final = 253_402_300_800_000_000
"""The end of the year 9999, exclusive: what calendars, JSON and protobuf can say."""

_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From `start` (inclusive) to `end` (exclusive), in microseconds since the epoch; None leaves a side open.

    Raises InvalidArgument TIME_RANGE_INVALID unless the end is after the start.
    """

    start: int | None = None
    end: int | None = None

    def __post_init__(self) -> None:
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise InvalidArgument(
                f"end_time {iso_time(self.end)} is not after start_time {iso_time(self.start)}; "
                "the range runs from start_time (inclusive) to end_time (exclusive)",
                reason="TIME_RANGE_INVALID",
            )

    def __str__(self) -> str:
        start = "the first row" if self.start is None else iso_time(self.start)
        end = "the last row" if self.end is None else iso_time(self.end)
        return f"{start} to {end}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """The times of a series' first and last row, in microseconds since the epoch, and how many rows it has."""

    first: int
    last: int
    rows: int


def iso_time(micros: int) -> str:
    """Return the time as ISO 8601 in UTC, for messages; beyond the calendar, the number itself."""
    try:
        return (EPOCH + timedelta(microseconds=micros)).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return f"{micros} µs since 1970"


def micros_of(moment: datetime) -> int:
    """Return the microseconds since the epoch of a timezone-aware time."""
    return (moment - EPOCH) // _MICROSECOND
