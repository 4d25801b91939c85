"""Scaling of feature columns: parameters fitted on one matrix and applied to that or another."""

from dataclasses import dataclass

import numpy as np

from feature_service.domain.model.array import BoolArray, FloatArray
from feature_service.domain.preprocessing.method import DEFAULT_SCALED_RANGE, NormalizeMethod, require_range
from penstock_kit.errors import InvalidArgument


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaler:
    """Per column: scaled = (value - centre) / scale + base.

    `z_score`: centre is the mean, scale the population standard deviation, base 0. `min_max` onto [low, high]:
    centre is the minimum, scale (max - min) / (high - low), base low. A constant column has scale 1.
    """

    method: NormalizeMethod
    centres: tuple[float, ...] = ()
    scales: tuple[float, ...] = ()
    base: float = 0.0

    def apply(self, features: FloatArray) -> FloatArray:
        """Return the scaled (windows, columns) matrix; NaN stays NaN."""
        if self.method is NormalizeMethod.NONE:
            return features
        return (features - np.array(self.centres)) / np.array(self.scales) + self.base

    def apply_in_place(self, features: FloatArray) -> None:
        """Scale the matrix where it is, to the same bits."""
        if self.method is not NormalizeMethod.NONE:
            features -= np.array(self.centres)
            features /= np.array(self.scales)
            features += self.base


def fit_scaler(
    features: FloatArray, method: NormalizeMethod, value_range: tuple[float, float] = DEFAULT_SCALED_RANGE
) -> Scaler:
    """Return the scaler fitted on the non-NaN entries of each column; (0, 1) for a column of NaN only.

    Raises InvalidArgument RANGE_INVALID unless `value_range` is two finite numbers, the lower one first.
    """
    require_range(value_range)
    low, high = value_range
    if method is NormalizeMethod.NONE:
        return Scaler(method=method)
    present = ~np.isnan(features)
    used = features[:, present.any(axis=0)]
    if method is NormalizeMethod.Z_SCORE:
        centres, scales, base = np.nanmean(used, axis=0), np.nanstd(used, axis=0), 0.0
    else:
        centres, base = np.nanmin(used, axis=0), low
        with np.errstate(over="ignore"):
            scales = (np.nanmax(used, axis=0) - centres) / (high - low)
        if not np.isfinite(scales).all():
            raise InvalidArgument(
                f"min_max range is [{low}, {high}]; it is too narrow to tell the values apart", reason="RANGE_INVALID"
            )
    return Scaler(
        method=method,
        centres=_spread_out(centres, present, 0.0),
        scales=_spread_out(np.where(_is_constant(scales, centres), 1.0, scales), present, 1.0),
        base=base,
    )


def scale_columns(
    features: FloatArray, method: NormalizeMethod, value_range: tuple[float, float], *, most_values: int
) -> Scaler:
    """Scale the matrix where it is by what is fitted on it, `most_values` values at once, and return the scaler.

    Both are those of :func:`fit_scaler` and its scaler's `apply`. Raises what that does.
    """
    scaler = fit_scaler(features[:0], NormalizeMethod.NONE, value_range)
    if method is NormalizeMethod.NONE:
        return scaler
    centres: list[float] = []
    scales: list[float] = []
    width = max(1, most_values // max(1, len(features)))
    for first in range(0, features.shape[1], width):
        part = np.ascontiguousarray(features[:, first : first + width])
        scaler = fit_scaler(part, method, value_range)
        features[:, first : first + width] = scaler.apply(part)
        centres += scaler.centres
        scales += scaler.scales
    return Scaler(method=method, centres=tuple(centres), scales=tuple(scales), base=scaler.base)


def _is_constant(scales: FloatArray, centres: FloatArray) -> BoolArray:
    # The deviation of a constant column can come out as rounding of its mean instead of 0.
    return scales <= 1e-14 * np.abs(centres)


def _spread_out(values: FloatArray, present: BoolArray, absent: float) -> tuple[float, ...]:
    columns = np.full(present.shape[1], absent)
    columns[present.any(axis=0)] = values
    return tuple(columns.tolist())
