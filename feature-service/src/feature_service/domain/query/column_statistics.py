"""Statistics of the columns of a matrix, and their correlations, with NaN for missing values."""

from collections.abc import Sequence

import numpy as np

from feature_service.domain.model.array import FloatArray
from feature_service.domain.model.statistic import FieldStatistic


def column_statistics(matrix: FloatArray, names: Sequence[str]) -> list[FieldStatistic]:
    """Return the statistics of each column, as pandas gives them: `std` has the divisor n - 1."""
    return [_statistic(name, matrix[:, index]) for index, name in enumerate(names)]


def correlation_matrix(matrix: FloatArray) -> list[float]:
    """Return the Pearson correlations row by row, over the rows that have both of two columns.

    NaN where fewer than two such rows exist or a column does not vary over them. The cost is that of five matrix
    products, whatever the number of pairs.
    """
    present = ~np.isnan(matrix)
    counts = present.sum(axis=0)
    means = np.where(present, matrix, 0.0).sum(axis=0) / np.maximum(counts, 1)
    # Centred, so that little is lost in the differences below; and in units of their own.
    centred = np.where(present, matrix - means, 0.0)
    scales = np.sqrt((centred**2).sum(axis=0) / np.maximum(counts, 1))
    varies = scales > 1e-12 * np.abs(means)
    centred /= np.where(varies, scales, 1.0)
    result = _pairwise(centred, present.astype(np.float64), complete=bool(present.all()))
    result[~varies, :] = np.nan
    result[:, ~varies] = np.nan
    return np.clip(result, -1.0, 1.0).ravel().tolist()


def _pairwise(centred: FloatArray, present: FloatArray, *, complete: bool) -> FloatArray:
    rows = len(centred)
    if rows < 2:
        return np.full((centred.shape[1],) * 2, np.nan)
    products = centred.T @ centred
    if complete:
        deviations = np.sqrt(np.diag(products))
        with np.errstate(invalid="ignore", divide="ignore"):
            return products / np.outer(deviations, deviations)
    pairs = present.T @ present
    sums = centred.T @ present
    squares = (centred**2).T @ present
    with np.errstate(invalid="ignore", divide="ignore"):
        covariance = products - sums * sums.T / pairs
        variance = squares - sums**2 / pairs
        result = covariance / np.sqrt(variance * variance.T)
    result[(pairs < 2) | (variance <= 1e-12) | (variance.T <= 1e-12)] = np.nan
    return result


def _statistic(name: str, column: FloatArray) -> FieldStatistic:
    values = column[~np.isnan(column)]
    count, rows = len(values), len(column)
    missing = (rows - count) / rows if rows else 0.0
    if count == 0:
        return FieldStatistic(field=name, count=0, missing_ratio=missing)
    return FieldStatistic(
        field=name,
        count=count,
        missing_ratio=missing,
        mean=float(values.mean()),
        std=float(values.std(ddof=1)) if count > 1 else None,
        min=float(values.min()),
        max=float(values.max()),
        median=float(np.median(values)),
    )
