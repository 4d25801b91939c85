"""The methods that find anomalies, and what each of them is told by default."""

from enum import StrEnum
from typing import Final

DEFAULT_WINDOW_SIZE: Final = 30
DEFAULT_OVERLAP: Final = 0.5
MIN_BASELINE_WINDOWS: Final = 5
"""A baseline has at least as many rows as so many windows without overlap."""
MAX_FIELDS: Final = 200
"""Fields that one detector looks at: its covariance is in memory."""


class AnomalyMethod(StrEnum):
    """How windows are compared with those of the baseline."""

    PCA = "pca"
    ISOLATION_FOREST = "isolation_forest"
    ROBUST_Z = "robust_z"
