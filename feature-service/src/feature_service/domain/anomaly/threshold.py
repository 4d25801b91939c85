"""The threshold of a detector, chosen on its baseline alone: the 99th percentile of scores there, times a margin.

For PCA and robust z the scores are those of blocked cross-validation: the baseline is cut into four blocks of time, and
each is scored by a model that was fitted on the others, less the half window beside the block, which shares rows with
it. What the baseline's own parts look like to each other, a slow drift included, is not called strange. PCA takes the
median of the four blocks' percentiles, for T² and Q are squares: one block that is unlike the others has scores a
hundred times as high, and would make the detector blind. A forest knows nothing beyond the values it has seen and calls
all of that equally strange: its threshold is from its own windows.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from feature_service.domain.anomaly.method import AnomalyMethod
from feature_service.domain.anomaly.score import AnomalyModel
from feature_service.domain.model.array import FloatArray

_BLOCKS: Final = 4
_QUANTILE: Final = 0.99
_MARGINS: Final = {AnomalyMethod.PCA: 2.0, AnomalyMethod.ROBUST_Z: 1.1, AnomalyMethod.ISOLATION_FOREST: 1.07}


def choose_threshold(
    fit: Callable[[FloatArray], AnomalyModel],
    model: AnomalyModel,
    columns: FloatArray,
    *,
    purged: int,
    check: Callable[[], None],
) -> float:
    """Return the threshold for `model`, which `fit` made of a baseline's windows, in the order of time.

    `purged` windows beside a block are left out of its model. `check` is called between the fits and may raise.
    """
    return _usual_score(fit, model, columns, purged, check) * _MARGINS[model.method]


def _usual_score(
    fit: Callable[[FloatArray], AnomalyModel],
    model: AnomalyModel,
    columns: FloatArray,
    purged: int,
    check: Callable[[], None],
) -> float:
    if model.method is AnomalyMethod.ISOLATION_FOREST:
        return float(np.quantile(model.score(columns).values, _QUANTILE))
    blocks = _cross_validated(fit, columns, purged, check)
    if model.method is AnomalyMethod.PCA:
        return float(np.median([np.quantile(scores, _QUANTILE) for scores in blocks]))
    return float(np.quantile(np.concatenate(blocks), _QUANTILE))


def _cross_validated(
    fit: Callable[[FloatArray], AnomalyModel], columns: FloatArray, purged: int, check: Callable[[], None]
) -> list[FloatArray]:
    """Return the scores of each block by the model of the others."""
    places = np.arange(len(columns))
    found: list[FloatArray] = []
    for block in np.array_split(places, _BLOCKS):
        others = (places < block[0] - purged) | (places > block[-1] + purged)
        check()
        found.append(fit(columns[others]).score(columns[block]).values)
    return found
