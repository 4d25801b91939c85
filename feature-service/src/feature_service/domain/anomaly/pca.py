"""PCA with Hotelling's T² and the squared prediction error Q (Jackson and Mudholkar, Technometrics 21, 1979).

On standardised columns z with the loadings P of the components that hold 95 % of the variance and their variances L:
``T² = zᵀ P L⁻¹ Pᵀ z`` and ``Q = |z - P Pᵀ z|²``. The score is the larger of both over its 99th percentile in the
baseline. A column's contribution is the complete decomposition of the larger one: the square of its entry of
``P L^-½ Pᵀ z`` or of the residual (Alcala and Qin, Automatica 45, 2009), which sum to T² and Q and know no signs.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# scikit-learn has no type information.

from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np

from feature_service.domain.anomaly.method import AnomalyMethod
from feature_service.domain.anomaly.score import Scores, mean_and_deviation, standardized
from feature_service.domain.model.array import FloatArray

_KEPT: Final = 0.95
# Components with less of the first one's variance are rounding.
_LEAST_VARIANCE: Final = 1e-10
_LIMIT: Final = 0.99
_LEAST_LIMIT: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PcaModel:
    """The components kept (rows) with their variances; `limits` are the percentiles of T² and Q in the baseline."""

    method: ClassVar[AnomalyMethod] = AnomalyMethod.PCA

    centre: FloatArray
    deviation: FloatArray
    components: FloatArray
    variances: FloatArray
    limits: FloatArray

    def score(self, columns: FloatArray) -> Scores:
        """Return the larger of T² and Q over their limits."""
        z = standardized(columns, self.centre, self.deviation)
        inside, outside = self._parts(z)
        indices = np.column_stack([inside.sum(axis=1), outside.sum(axis=1)]) / self.limits
        larger = indices.argmax(axis=1)
        contributions = np.where(larger[:, np.newaxis] == 0, inside, outside)
        return Scores(values=indices.max(axis=1), contributions=contributions)

    def _parts(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What each column adds to T² and to Q."""
        projected = z @ self.components.T
        inside = np.square((projected / np.sqrt(self.variances)) @ self.components)
        return inside, np.square(z - projected @ self.components)

    def statistics(self, columns: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return T² and Q of each window."""
        inside, outside = self._parts(standardized(columns, self.centre, self.deviation))
        return inside.sum(axis=1), outside.sum(axis=1)


def fit_pca(columns: FloatArray) -> PcaModel:
    """Return the model of a baseline's windows."""
    from sklearn.decomposition import PCA

    centre, deviation = mean_and_deviation(columns)
    fitted: Any = PCA(svd_solver="full").fit(standardized(columns, centre, deviation))
    variances = fitted.explained_variance_
    kept = _components_kept(variances)
    model = PcaModel(
        centre=centre,
        deviation=deviation,
        components=np.ascontiguousarray(fitted.components_[:kept]),
        variances=variances[:kept].copy(),
        limits=np.ones(2),
    )
    limits = [max(float(np.quantile(part, _LIMIT)), _LEAST_LIMIT) for part in model.statistics(columns)]
    return PcaModel(
        centre=centre,
        deviation=deviation,
        components=model.components,
        variances=model.variances,
        limits=np.array(limits),
    )


def _components_kept(variances: FloatArray) -> int:
    total = float(variances.sum())
    if total == 0:
        return 0
    enough = int(np.searchsorted(np.cumsum(variances) / total, _KEPT)) + 1
    return min(enough, int((variances > _LEAST_VARIANCE * variances[0]).sum()))
