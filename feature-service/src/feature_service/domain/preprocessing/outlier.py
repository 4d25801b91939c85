"""Outliers: fences fitted on one set of values and applied to that or another."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import assert_never

import numpy as np

from feature_service.domain.model.array import BoolArray, FloatArray
from feature_service.domain.preprocessing.method import DEFAULT_OUTLIER_THRESHOLD, OutlierMethod
from penstock_kit.errors import InvalidArgument


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """Values outside [low, high] are outliers. Infinite for a field without spread, where nothing is one."""

    low: float = -inf
    high: float = inf

    def beyond(self, values: FloatArray) -> BoolArray:
        """Return which values are outliers; NaN is not."""
        return (values < self.low) | (values > self.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlierFilter:
    """The fence of each field, and whether values beyond it are moved onto it (`clip`) or become missing."""

    method: OutlierMethod
    fences: Mapping[str, Fence]

    def apply(self, numbers: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Return the columns with outliers treated; the originals are left as they are."""
        return {name: self._treated(values, self.fences.get(name)) for name, values in numbers.items()}

    def _treated(self, values: FloatArray, fence: Fence | None) -> FloatArray:
        if fence is None:
            return values
        if self.method is OutlierMethod.CLIP:
            return np.clip(values, fence.low, fence.high)
        return np.where(fence.beyond(values), np.nan, values)

    def count(self, name: str, values: FloatArray) -> int:
        """Return how many values of the field `name` are outliers."""
        fence = self.fences.get(name)
        return 0 if fence is None else int(np.count_nonzero(fence.beyond(values)))


def fit_outlier_filter(
    numbers: Mapping[str, FloatArray], method: OutlierMethod, threshold: float = DEFAULT_OUTLIER_THRESHOLD
) -> OutlierFilter:
    """Return the filter fitted on the present values of each column.

    A field whose quartiles (or all values) coincide gets no fence: every change of a mostly constant signal
    would be cut. Raises InvalidArgument THRESHOLD_INVALID unless the threshold is positive.
    """
    if not 0 < threshold < inf:
        raise InvalidArgument(
            f"outlier_threshold is {threshold}; it must be a number above 0", reason="THRESHOLD_INVALID"
        )
    if method is OutlierMethod.NONE:
        return OutlierFilter(method=method, fences={})
    return OutlierFilter(
        method=method,
        fences={name: fence_of(values[~np.isnan(values)], method, threshold) for name, values in numbers.items()},
    )


def fence_of(present: FloatArray, method: OutlierMethod, threshold: float) -> Fence:
    """Return the fence of the present values of a field, which may be in another order afterwards."""
    if len(present) == 0:
        return Fence()
    match method:
        case OutlierMethod.IQR | OutlierMethod.CLIP:
            low, high = (float(quartile) for quartile in np.quantile(present, (0.25, 0.75), overwrite_input=True))
            reach = threshold * (high - low)
        case OutlierMethod.Z_SCORE:
            low = high = float(present.mean())
            reach = threshold * float(present.std())
        case OutlierMethod.NONE:
            return Fence()
        case _:
            assert_never(method)
    return Fence(low=low - reach, high=high + reach) if reach > 0 else Fence()
