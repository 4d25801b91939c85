"""Robust z: how many deviations the farthest column is from the baseline's median.

The deviation is 1.4826 times the median absolute deviation, which equals the standard deviation of normal values
(Iglewicz and Hoaglin, How to detect and handle outliers, 1993). Where more than half of the windows are alike it is
0; then it is 1.2533 times the mean absolute deviation, which equals it too.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from feature_service.domain.anomaly.method import AnomalyMethod
from feature_service.domain.anomaly.score import (
    LEAST_DEVIATION,
    MEAN_TO_DEVIATION,
    MEDIAN_TO_DEVIATION,
    Scores,
    standardized,
)
from feature_service.domain.model.array import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RobustZModel:
    """The median and the robust deviation of each column."""

    method: ClassVar[AnomalyMethod] = AnomalyMethod.ROBUST_Z

    centre: FloatArray
    deviation: FloatArray

    def score(self, columns: FloatArray) -> Scores:
        """Return the largest distance of a column, in deviations; contributions are their squares."""
        z = standardized(columns, self.centre, self.deviation)
        return Scores(values=np.abs(z).max(axis=1), contributions=np.square(z))


def fit_robust_z(columns: FloatArray) -> RobustZModel:
    """Return the model of a baseline's windows."""
    fitted = [_median_and_deviation(column[np.isfinite(column)]) for column in columns.T]
    return RobustZModel(
        centre=np.array([centre for centre, _ in fitted]), deviation=np.array([deviation for _, deviation in fitted])
    )


def _median_and_deviation(values: FloatArray) -> tuple[float, float]:
    if len(values) == 0:
        return 0.0, 1.0
    centre = float(np.median(values))
    distances = np.abs(values - centre)
    deviation = MEDIAN_TO_DEVIATION * float(np.median(distances))
    if deviation < LEAST_DEVIATION:
        deviation = MEAN_TO_DEVIATION * float(distances.mean())
    return centre, max(deviation, LEAST_DEVIATION)
