"""The names of the methods a caller can choose (no NumPy needed to read them)."""

from enum import StrEnum
from math import isfinite
from typing import Final, TypeVar

from penstock_kit.errors import InvalidArgument

DEFAULT_OUTLIER_THRESHOLD: Final = 1.5
"""How far out a value must lie to be an outlier: in interquartile ranges, or in standard deviations."""

DEFAULT_SCALED_RANGE: Final = (0.0, 1.0)
"""Onto which numbers `min_max` scales."""


class MissingMethod(StrEnum):
    """What happens to missing values before windows are cut.

    `none` leaves them out of each feature; `drop` drops rows in which any chosen field is missing;
    `forward_fill` and `backward_fill` repeat the last or the next value, and at the end without one the
    nearest; `interpolate` is linear in time, the nearest value beyond the ends; `mean` and `median` are those
    of the field over the range.
    """

    NONE = "none"
    DROP = "drop"
    FORWARD_FILL = "forward_fill"
    BACKWARD_FILL = "backward_fill"
    INTERPOLATE = "interpolate"
    MEAN = "mean"
    MEDIAN = "median"


class OutlierMethod(StrEnum):
    """What happens to outliers, before missing values are treated.

    `iqr`: values outside [q25 - t*(q75-q25), q75 + t*(q75-q25)] become missing; `z_score`: values further than
    t standard deviations from the mean become missing; `clip`: values outside the `iqr` fences are moved onto
    them. t is the threshold.
    """

    NONE = "none"
    IQR = "iqr"
    Z_SCORE = "z_score"
    CLIP = "clip"


class NormalizeMethod(StrEnum):
    """How each feature column is scaled: not at all, to mean 0 and standard deviation 1, or onto a range."""

    NONE = "none"
    Z_SCORE = "z_score"
    MIN_MAX = "min_max"


_Method = TypeVar("_Method", MissingMethod, OutlierMethod, NormalizeMethod)


def parse_method(kind: type[_Method], name: str, *, parameter: str, default: _Method) -> _Method:
    """Return the method called `name`, or `default` for an empty name.

    Raises InvalidArgument METHOD_INVALID naming `parameter` and listing the valid names.
    """
    if not name:
        return default
    try:
        return kind(name)
    except ValueError:
        raise InvalidArgument(
            f"{parameter} is {name!r}; it must be one of: {', '.join(kind)}",
            reason="METHOD_INVALID",
            metadata={"parameter": parameter, "value": name},
        ) from None


def require_range(value_range: tuple[float, float]) -> None:
    """Raise InvalidArgument RANGE_INVALID unless it is two finite numbers, the lower one first."""
    low, high = value_range
    if not (isfinite(low) and isfinite(high) and low < high):
        raise InvalidArgument(
            f"min_max range is [{low}, {high}]; it must be two finite numbers, the lower one first",
            reason="RANGE_INVALID",
        )
