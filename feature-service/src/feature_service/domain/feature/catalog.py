"""Which features there are. Importing this needs no NumPy; asking for the features loads the modules that have them."""

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from feature_service.domain.feature.registration import REGISTERED, Feature
from penstock_kit.errors import InvalidArgument

MISSING_RATIO: Final = "missing_ratio"
"""The one feature that is not computed of a window's values, but of their absence."""
MISSING_RATIO_MEANING: Final = (
    "share of the window's rows in which the field had no value before missing values were treated"
)
SLOPE_PER_SECOND: Final = "slope_per_second"
"""The one feature that is computed of the times of rows, too."""
SLOPE_PER_SECOND_MEANING: Final = (
    "least-squares slope against the time of the rows: units of the field per second; 0 for a single row"
)
DEFAULT_FEATURES: Final = ("mean", "std", "min", "max", "median", "rms", "slope")
"""What an extraction computes when it names no features."""


@cache
def registered_features() -> Mapping[str, Feature]:
    """Return the features that are computed of a window's values: those of every module called ``…_features``."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.name.endswith("_features"):
            importlib.import_module(f"{__package__}.{module.name}")
    return REGISTERED


def feature_names() -> tuple[str, ...]:
    """Return the name of every feature."""
    return (*registered_features(), SLOPE_PER_SECOND, MISSING_RATIO)


def definitions() -> Mapping[str, str]:
    """Return what each feature means. The spectral ones are 0 for a constant window; the periodogram is that of
    the window less its mean, one-sided, without a taper."""
    meanings = {name: feature.meaning for name, feature in registered_features().items()}
    return {**meanings, SLOPE_PER_SECOND: SLOPE_PER_SECOND_MEANING, MISSING_RATIO: MISSING_RATIO_MEANING}


def resolve_features(names: Sequence[str]) -> tuple[str, ...]:
    """Return the features to compute, in the order asked for; DEFAULT_FEATURES when `names` is empty.

    Raises InvalidArgument FEATURE_NOT_FOUND (listing the valid ones) and FEATURE_CONFLICT.
    """
    known = feature_names()
    for name in names:
        if name not in known:
            raise InvalidArgument(
                f"unknown feature {name!r}; the features are: {', '.join(known)}",
                reason="FEATURE_NOT_FOUND",
                metadata={"feature": name},
            )
    if len(set(names)) != len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise InvalidArgument(f"feature {twice!r} is asked for twice; name it once", reason="FEATURE_CONFLICT")
    return tuple(names) or DEFAULT_FEATURES
