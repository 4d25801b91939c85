"""The unit of the times of a body of line protocol."""

from typing import Final

from penstock_kit.errors import InvalidArgument

# Nanoseconds of a unit. All spellings of InfluxDB 1, 2 and 3, on every path.
_UNITS: Final = {
    "": 1,
    "ns": 1,
    "n": 1,
    "nanosecond": 1,
    "us": 1_000,
    "u": 1_000,
    "µ": 1_000,
    "µs": 1_000,
    "microsecond": 1_000,
    "ms": 1_000_000,
    "millisecond": 1_000_000,
    "s": 1_000_000_000,
    "second": 1_000_000_000,
    "m": 60 * 1_000_000_000,
    "h": 3600 * 1_000_000_000,
}


def nanoseconds_of(precision: str) -> int:
    """Return the nanoseconds of the unit that `precision` names; empty: 1. Raises InvalidArgument PRECISION_INVALID."""
    unit = _UNITS.get(precision.removesuffix("s") if len(precision) > 3 else precision)
    if unit is None:
        raise InvalidArgument(
            f"precision is {precision!r}; it must be ns, us, ms, s, m or h", reason="PRECISION_INVALID"
        )
    return unit
