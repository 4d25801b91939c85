"""Scores of windows, and columns in units of the baseline's windows."""

from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

import numpy as np

from feature_service.domain.anomaly.method import AnomalyMethod
from feature_service.domain.model.array import FloatArray

LEAST_DEVIATION: Final = 0.02
"""What a column varies by at least, in units of the rows (a spread: as a natural logarithm)."""
MEDIAN_TO_DEVIATION: Final = 1.4826022185056018
"""The standard deviation of normal values over the median of their distances from the centre."""
MEAN_TO_DEVIATION: Final = 1.2533141373155001
"""The same over the mean of the distances."""
_LARGEST: Final = 1e9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scores:
    """The score of each window, higher is stranger, and what each column adds to it: (windows, columns), none < 0."""

    values: FloatArray
    contributions: FloatArray


class AnomalyModel(Protocol):
    """What a method fits: arrays alone (so it is stored without pickle), which score any window by itself."""

    method: ClassVar[AnomalyMethod]

    def score(self, columns: FloatArray) -> Scores:
        """Return the scores of windows by their columns; a missing column (NaN) counts as the baseline's centre."""
        ...


def standardized(columns: FloatArray, centre: FloatArray, deviation: FloatArray) -> FloatArray:
    """Return the columns less the centre, over the deviation; 0 for a missing one."""
    result = (columns - centre) / deviation
    return np.clip(np.nan_to_num(result, nan=0.0, posinf=_LARGEST, neginf=-_LARGEST), -_LARGEST, _LARGEST)


def mean_and_deviation(columns: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the mean and the standard deviation (at least LEAST_DEVIATION) of the present values of each column."""
    present = np.isfinite(columns)
    counts = np.maximum(present.sum(axis=0), 1)
    centre = np.where(present, columns, 0.0).sum(axis=0) / counts
    squares = np.square(np.where(present, columns - centre, 0.0)).sum(axis=0)
    return centre, np.maximum(np.sqrt(squares / counts), LEAST_DEVIATION)
