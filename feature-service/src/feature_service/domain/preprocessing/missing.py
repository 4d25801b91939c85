"""Missing values: a fill fitted on one set of values and applied to that or another."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from feature_service.domain.model.array import BoolArray, FloatArray, TimeArray
from feature_service.domain.model.frame import Frame
from feature_service.domain.preprocessing.method import MissingMethod


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingFill:
    """How missing values are filled; `constants` holds the fitted value per field for `mean` and `median`."""

    method: MissingMethod
    constants: Mapping[str, float]

    def apply(self, frame: Frame) -> Frame:
        """Return the frame with missing numbers treated.

        A field with no value at all stays missing (`drop` leaves no row of it).
        """
        if self.method is MissingMethod.NONE:
            return frame
        if self.method is MissingMethod.DROP:
            return frame.where(~any_missing(frame))
        return frame.with_numbers(
            {name: self._filled(name, values, frame.timestamps) for name, values in frame.numbers.items()}
        )

    def _filled(self, name: str, values: FloatArray, timestamps: TimeArray) -> FloatArray:
        missing = np.isnan(values)
        if not missing.any():
            return values
        if name in self.constants:
            return np.where(missing, self.constants[name], values)
        if missing.all():
            return values
        return _FILLS[self.method](values, missing, timestamps)


def fit_missing_fill(numbers: Mapping[str, FloatArray], method: MissingMethod) -> MissingFill:
    """Return the fill fitted on the present values of each column."""
    if method not in CONSTANT_FILLS:
        return MissingFill(method=method, constants={})
    constants: dict[str, float] = {}
    for name, values in numbers.items():
        constants |= constant_fill(name, values[~np.isnan(values)], method)
    return MissingFill(method=method, constants=constants)


def constant_fill(name: str, present: FloatArray, method: MissingMethod) -> dict[str, float]:
    """Return the constant of a field by its name, none without a value.

    The present values may be in another order afterwards.
    """
    return {name: float(CONSTANT_FILLS[method](present))} if len(present) else {}


def any_missing(frame: Frame) -> BoolArray:
    """Return which rows lack at least one of the frame's numbers."""
    missing = np.zeros(len(frame), dtype=np.bool_)
    for values in frame.numbers.values():
        missing |= np.isnan(values)
    return missing


def _forward(values: FloatArray, missing: BoolArray, _timestamps: TimeArray) -> FloatArray:
    source = np.maximum.accumulate(np.where(missing, -1, np.arange(len(values))))
    source[source < 0] = np.flatnonzero(~missing)[0]
    return values[source]


def _backward(values: FloatArray, missing: BoolArray, timestamps: TimeArray) -> FloatArray:
    return _forward(values[::-1], missing[::-1], timestamps)[::-1]


def _interpolate(values: FloatArray, missing: BoolArray, timestamps: TimeArray) -> FloatArray:
    # Microseconds since the first row: exact as float64 for any span that fits datetime64[us].
    time = (timestamps - timestamps[0]).astype(np.float64)
    filled = values.copy()
    filled[missing] = np.interp(time[missing], time[~missing], values[~missing])
    return filled


def _median(present: FloatArray) -> np.float64:
    return np.median(present, overwrite_input=True)  # the array is its own: no second copy of a long column


CONSTANT_FILLS: Final[dict[MissingMethod, Callable[[FloatArray], np.float64]]] = {
    MissingMethod.MEAN: np.mean,
    MissingMethod.MEDIAN: _median,
}
"""What the methods that fill with a constant fit on the present values of a field."""
_FILLS: Final[dict[MissingMethod, Callable[[FloatArray, BoolArray, TimeArray], FloatArray]]] = {
    MissingMethod.FORWARD_FILL: _forward,
    MissingMethod.BACKWARD_FILL: _backward,
    MissingMethod.INTERPOLATE: _interpolate,
    MissingMethod.MEAN: _interpolate,
    MissingMethod.MEDIAN: _interpolate,
}
