"""The names of the features, their order and their definitions in words (no NumPy needed to read them)."""

from collections.abc import Sequence
from typing import Final

from penstock_kit.errors import InvalidArgument

DEFINITIONS: Final[dict[str, str]] = {
    "mean": "arithmetic mean",
    "std": "population standard deviation (divisor n)",
    "min": "smallest value",
    "max": "largest value",
    "median": "middle value; the mean of the two middle ones for an even count",
    "q25": "first quartile, linear interpolation between order statistics (Hyndman-Fan type 7)",
    "q75": "third quartile, interpolated as q25",
    "range": "max - min",
    "rms": "square root of the mean of the squares",
    "skew": "Fisher-Pearson coefficient m3 / m2^1.5 of central moments with divisor n; 0 for a constant window",
    "kurtosis": "excess kurtosis m4 / m2^2 - 3 with divisor n; 0 for a constant window",
    "slope": "least-squares slope against the row number: units of the field per row; 0 for a single row",
    "first": "first value",
    "last": "last value",
    "mean_crossings": "how often consecutive values lie on different sides of the mean (above, or not above)",
    "zero_crossings": "how often consecutive values lie on different sides of zero (above, or not above)",
    "energy": "sum of the squares",
    "autocorrelation_lag1": "sum of d[i]*d[i+1] over sum of d[i]^2, d = value - mean; 0 for a constant window",
    "spectral_peak": "frequency of the strongest periodogram bin but DC, in cycles per row (0 to 0.5)",
    "spectral_centroid": "mean frequency weighted by the periodogram without DC, in cycles per row",
    "spectral_entropy": "Shannon entropy of the normalised periodogram without DC, over its maximum (0 to 1)",
    "missing_ratio": "share of the window's rows in which the field had no value before missing values were treated",
}
"""Every feature and what it means. The spectral ones are 0 for a constant window; the periodogram is that of
the window less its mean, one-sided, without a taper."""

FEATURE_NAMES: Final = tuple(DEFINITIONS)
DEFAULT_FEATURES: Final = ("mean", "std", "min", "max", "median", "rms", "slope")
"""What an extraction computes when it names no features."""


def resolve_features(names: Sequence[str]) -> tuple[str, ...]:
    """Return the features to compute, in the order asked for; DEFAULT_FEATURES when `names` is empty.

    Raises InvalidArgument FEATURE_NOT_FOUND (listing the valid ones) and FEATURE_CONFLICT.
    """
    for name in names:
        if name not in DEFINITIONS:
            raise InvalidArgument(
                f"unknown feature {name!r}; the features are: {', '.join(FEATURE_NAMES)}",
                reason="FEATURE_NOT_FOUND",
                metadata={"feature": name},
            )
    if len(set(names)) != len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise InvalidArgument(f"feature {twice!r} is asked for twice; name it once", reason="FEATURE_CONFLICT")
    return tuple(names) or DEFAULT_FEATURES
