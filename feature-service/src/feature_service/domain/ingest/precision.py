"""The unit of the times of a body of line protocol."""

from typing import TYPE_CHECKING, Final

from penstock_kit.errors import InvalidArgument

if TYPE_CHECKING:
    from feature_service.domain.model.array import IndexArray

BY_SIZE: Final = 0
"""The unit of times of which each tells its own by its size, as InfluxDB 3 has it."""

# Nanoseconds of a unit. All spellings of InfluxDB 1, 2 and 3, on every path.
_UNITS: Final = {
    "": 1,
    "auto": BY_SIZE,
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
# Of times by their size: those nearer to 0 than the first are of so many nanoseconds, and so on; others of 1.
_SIZES: Final = ((5 * 10**9, 10**9), (5 * 10**12, 10**6), (5 * 10**15, 10**3))


def nanoseconds_of(precision: str) -> int:
    """Return the nanoseconds of the unit that `precision` names; empty: 1; auto: BY_SIZE.

    Raises InvalidArgument PRECISION_INVALID.
    """
    unit = _UNITS.get(precision.removesuffix("s") if len(precision) > 3 else precision)
    if unit is None:
        raise InvalidArgument(
            f"precision is {precision!r}; it must be ns, us, ms, s, m, h or auto", reason="PRECISION_INVALID"
        )
    return unit


def unit_of(time: int, unit: int) -> int:
    """Return the nanoseconds of the unit that a time is in, where all are in `unit`."""
    return unit or next((size for below, size in _SIZES if abs(time) < below), 1)


def micros_of_all(times: "IndexArray", unit: int) -> "IndexArray":
    """Return times that are in `unit` in microseconds, cut towards the past."""
    if unit:
        return times // 1_000 if unit == 1 else times * max(1, unit // 1_000)
    import numpy as np

    conditions = [(times > -below) & (times < below) for below, _ in _SIZES]
    return np.select(conditions, [times * (size // 1_000) for _, size in _SIZES], times // 1_000)
