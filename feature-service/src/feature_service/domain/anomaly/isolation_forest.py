"""Isolation forest (Liu, Ting and Zhou, ICDM 2008): windows that few random cuts set apart are strange.

scikit-learn grows the trees; they are kept as arrays and walked here, so that a stored forest scores as the fitted
one did, whatever version is installed. The score is ``2^(-E[h] / c(n))``, from 0 to 1. A column's contribution is the
surprise of the cuts on it along the paths, ``log2(windows before / windows after) - 1`` where that is more than 0.

A forest can't cut what never varied: a window in which a column leaves the one value it had in the baseline has the
score 1 by that column alone.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false
# scikit-learn has no type information.

from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np

from feature_service.domain.anomaly.method import AnomalyMethod
from feature_service.domain.anomaly.score import LEAST_DEVIATION, Scores, mean_and_deviation, standardized
from feature_service.domain.model.array import BoolArray, FloatArray, IndexArray

_TREES: Final = 100
_SEED: Final = 42
_ROWS_AT_ONCE: Final = 2048


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ForestModel:
    """Trees as arrays, (trees, nodes): a node's children (-1 in a leaf), column, cut, depth as if grown to the end,
    and the surprise of arriving there. `unit` is the depth that stands for the score one half; `fixed` are the columns
    that did not vary.
    """

    method: ClassVar[AnomalyMethod] = AnomalyMethod.ISOLATION_FOREST

    centre: FloatArray
    deviation: FloatArray
    left: IndexArray
    right: IndexArray
    column: IndexArray
    cut: FloatArray
    depth: FloatArray
    surprise: FloatArray
    unit: FloatArray
    fixed: BoolArray

    def score(self, columns: FloatArray) -> Scores:
        """Return the forest's scores."""
        z = standardized(columns, self.centre, self.deviation)
        values = np.empty(len(z))
        contributions = np.empty_like(z)
        for start in range(0, len(z), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            values[rows], contributions[rows] = self._walk(z[rows].astype(np.float32))
        moved = np.where(self.fixed, np.abs(z), 0.0)
        moved[moved < 1.0] = 0.0
        left_value = moved.any(axis=1)
        values[left_value] = 1.0
        contributions[left_value] = moved[left_value]
        return Scores(values=values, contributions=contributions)

    def _walk(self, z: "np.ndarray[Any, np.dtype[np.float32]]") -> tuple[FloatArray, FloatArray]:
        rows, width = z.shape
        trees = np.arange(len(self.left))
        node = np.zeros((rows, len(trees)), dtype=np.int64)
        sums = np.zeros(rows * width)
        offsets = np.arange(rows)[:, np.newaxis] * width
        while True:
            column = self.column[trees, node]
            inner = column >= 0
            if not inner.any():
                break
            values = np.take_along_axis(z, np.maximum(column, 0), axis=1)
            child = np.where(values <= self.cut[trees, node], self.left[trees, node], self.right[trees, node])
            node = np.where(inner, child, node)
            gains = np.where(inner, self.surprise[trees, node], 0.0)
            sums += np.bincount((offsets + np.maximum(column, 0)).ravel(), gains.ravel(), minlength=rows * width)
        mean_depth = self.depth[trees, node].mean(axis=1)
        return np.exp2(-mean_depth / self.unit), sums.reshape(rows, width)


def fit_isolation_forest(columns: FloatArray) -> ForestModel:
    """Return the model of a baseline's windows."""
    from sklearn.ensemble import IsolationForest

    centre, deviation = mean_and_deviation(columns)
    z = standardized(columns, centre, deviation)
    forest: Any = IsolationForest(n_estimators=_TREES, random_state=_SEED, n_jobs=1).fit(z)
    trees = [estimator.tree_ for estimator in forest.estimators_]
    size = max(tree.node_count for tree in trees)
    return ForestModel(
        centre=centre,
        deviation=deviation,
        left=_padded([tree.children_left for tree in trees], size, -1),
        right=_padded([tree.children_right for tree in trees], size, -1),
        column=_padded([tree.feature for tree in trees], size, -1),
        cut=_padded([tree.threshold for tree in trees], size, 0.0),
        depth=_padded([_depths(tree) for tree in trees], size, 0.0),
        surprise=_padded([_surprises(tree) for tree in trees], size, 0.0),
        unit=_mean_depth(np.array(float(forest.max_samples_))),
        fixed=np.ptp(z, axis=0) * deviation < LEAST_DEVIATION,
    )


def _padded(arrays: "list[Any]", size: int, fill: float) -> Any:
    kind = np.float64 if isinstance(fill, float) else np.int64
    result = np.full((len(arrays), size), fill, dtype=kind)
    for row, values in zip(result, arrays, strict=True):
        row[: len(values)] = np.maximum(values, -1) if kind is np.int64 else values
    return result


def _depths(tree: Any) -> FloatArray:
    """The depth of each node plus what growing it to single windows would add."""
    depths = np.zeros(tree.node_count)
    level, depth = np.zeros(1, dtype=np.int64), 0
    while len(level):
        depths[level] = depth
        below = np.concatenate((tree.children_left[level], tree.children_right[level]))
        level, depth = below[below >= 0], depth + 1
    return depths + _mean_depth(tree.n_node_samples.astype(np.float64))


def _surprises(tree: Any) -> FloatArray:
    surprises = np.zeros(tree.node_count)
    counts, inner = tree.n_node_samples, tree.children_left >= 0
    for children in (tree.children_left[inner], tree.children_right[inner]):
        surprises[children] = np.maximum(np.log2(counts[inner] / counts[children]) - 1.0, 0.0)
    return surprises


def _mean_depth(windows: FloatArray) -> FloatArray:
    """c(n): the mean depth of an unsuccessful search in a binary search tree of so many entries."""
    many = np.maximum(windows, 3.0)
    large = 2.0 * (np.log(many - 1.0) + np.euler_gamma) - 2.0 * (many - 1.0) / many
    return np.where(windows <= 1, 0.0, np.where(windows == 2, 1.0, large))
