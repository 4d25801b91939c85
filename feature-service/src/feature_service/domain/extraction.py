"""From rows to a feature matrix: outliers, missing values, windows, features, scaling."""

from dataclasses import dataclass

import numpy as np

from feature_service.domain.array import BoolArray, FloatArray, TimeArray
from feature_service.domain.extraction_plan import ExtractionPlan
from feature_service.domain.feature.catalog import resolve_features
from feature_service.domain.feature.kernel import window_features
from feature_service.domain.frame import Frame
from feature_service.domain.method import MissingMethod
from feature_service.domain.missing import MissingFill, any_missing, fit_missing_fill
from feature_service.domain.outlier import OutlierFilter, fit_outlier_filter
from feature_service.domain.scaling import Scaler, fit_scaler
from penstock_kit.errors import Unprocessable


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What was fitted on the rows, so that other rows can be treated the same (`scaler` by feature column)."""

    outlier_filter: OutlierFilter
    missing_fill: MissingFill
    scaler: Scaler


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureTable:
    """A (windows, names) matrix with the time of each window's first row.

    `rows` were cut into windows (after `drop`); `outliers` and `missing` count values before they were treated.
    """

    matrix: FloatArray
    names: tuple[str, ...]
    fields: tuple[str, ...]
    starts: TimeArray
    rows: int
    outliers: int
    missing: int
    fitted: Fitted


def extract_features(frame: Frame, plan: ExtractionPlan) -> FeatureTable:
    """Return the features of every window of `frame`'s numbers, columns named ``<field>_<feature>``.

    Raises InvalidArgument for a feature, threshold or range that is not valid, Unprocessable NO_NUMERIC_FIELD or
    WINDOW_TOO_LARGE when there is nothing to make a window of.
    """
    features = resolve_features(plan.features)
    if not frame.numbers:
        raise Unprocessable("there is no numeric field to extract features of", reason="NO_NUMERIC_FIELD")
    plan.window.require(len(frame))
    outlier_filter = fit_outlier_filter(frame.numbers, plan.outliers, plan.outlier_threshold)
    fenced = frame.with_numbers(outlier_filter.apply(frame.numbers))
    missing_fill = fit_missing_fill(fenced.numbers, plan.missing)
    clean = missing_fill.apply(fenced)
    absent = _absent(frame, fenced, plan)
    raw = _matrix(clean, absent, plan, features)
    scaler = fit_scaler(raw, plan.normalize, plan.value_range)
    return FeatureTable(
        matrix=scaler.apply(raw),
        names=tuple(f"{name}_{feature}" for name in clean.numbers for feature in features),
        fields=tuple(clean.numbers),
        starts=clean.timestamps[np.arange(len(raw)) * plan.window.step],
        rows=len(clean),
        outliers=_count_outliers(frame, outlier_filter),
        missing=sum(int(np.isnan(values).sum()) for values in frame.numbers.values()),
        fitted=Fitted(outlier_filter=outlier_filter, missing_fill=missing_fill, scaler=scaler),
    )


def _matrix(clean: Frame, absent: dict[str, BoolArray], plan: ExtractionPlan, features: tuple[str, ...]) -> FloatArray:
    if plan.missing is MissingMethod.DROP and len(clean) < plan.window.size:
        raise Unprocessable(
            f"only {len(clean)} rows have all of {', '.join(clean.numbers)}, fewer than window_size "
            f"{plan.window.size}; choose fewer fields, a smaller window or another missing_value_method",
            reason="WINDOW_TOO_LARGE",
            metadata={"window_size": str(plan.window.size), "rows": str(len(clean))},
        )
    return np.hstack(
        [window_features(values, plan.window, features, absent[name]) for name, values in clean.numbers.items()]
    )


def _absent(frame: Frame, fenced: Frame, plan: ExtractionPlan) -> dict[str, BoolArray]:
    """Which of the rows that windows are cut from had no value of a field in the first place."""
    keep = ~any_missing(fenced) if plan.missing is MissingMethod.DROP else slice(None)
    return {name: np.isnan(values)[keep] for name, values in frame.numbers.items()}


def _count_outliers(frame: Frame, outlier_filter: OutlierFilter) -> int:
    return sum(outlier_filter.count(name, values) for name, values in frame.numbers.items())
