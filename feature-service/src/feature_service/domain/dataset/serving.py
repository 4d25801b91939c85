"""Features of new rows as a data set has them: its options, and what was fitted on its training part."""

from dataclasses import dataclass
from math import inf
from typing import Any, Final

import orjson

from feature_service.domain.extraction.extract import FittedPreprocessing
from feature_service.domain.extraction.plan import ExtractionPlan
from feature_service.domain.feature.time_window import TimeWindowPlan
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.preprocessing.method import MissingMethod, NormalizeMethod, OutlierMethod
from feature_service.domain.preprocessing.missing import MissingFill
from feature_service.domain.preprocessing.outlier import Fence, OutlierFilter
from feature_service.domain.preprocessing.scaling import Scaler

_MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingPlan:
    """The fields of a data set, in its order, and how its features are made of them."""

    model_code: str
    fields: tuple[str, ...]
    extraction: ExtractionPlan


def serving_plan(dataset_id: str, manifest: str) -> ServingPlan:
    """Return how the features of a data set are made, from its manifest."""
    told = orjson.loads(manifest)
    options, low_high = told["options"], told["options"]["range"]
    return ServingPlan(
        model_code=told["model_code"],
        fields=tuple(told["fields"]),
        extraction=ExtractionPlan(
            window=_window(told["window"]),
            features=tuple(options["features"]),
            missing=MissingMethod(options["missing_value_method"]),
            outliers=OutlierMethod(options["outlier_method"]),
            outlier_threshold=options["outlier_threshold"],
            normalize=NormalizeMethod(options["normalize_method"]),
            value_range=(low_high[0], low_high[1]),
            fitted_by=dataset_id,
            fitted=_fitted(told["fitted"], told["feature_names"]),
        ),
    )


def _window(told: dict[str, Any]) -> WindowPlan | TimeWindowPlan:
    gap = told["max_gap_seconds"]
    max_gap = None if gap is None else round(gap * _MICROSECONDS)
    if "size" in told:
        return WindowPlan(size=told["size"], overlap=told["overlap"], max_gap=max_gap)
    return TimeWindowPlan(
        size=round(told["size_seconds"] * _MICROSECONDS),
        step=round(told["step_seconds"] * _MICROSECONDS),
        min_rows=told["min_rows"],
        max_gap=max_gap,
    )


def _fitted(told: dict[str, Any], names: list[str]) -> FittedPreprocessing:
    fences, fills, scaling = told["outliers"], told["missing_values"], told["normalize"]
    columns = [scaling["columns"][name] for name in names] if scaling["columns"] else []
    return FittedPreprocessing(
        outlier_filter=OutlierFilter(
            method=OutlierMethod(fences["method"]),
            fences={
                name: Fence(low=_or(each["low"], -inf), high=_or(each["high"], inf))
                for name, each in fences["fences"].items()
            },
        ),
        missing_fill=MissingFill(method=MissingMethod(fills["method"]), constants=fills["fills"]),
        scaler=Scaler(
            method=NormalizeMethod(scaling["method"]),
            centres=tuple(each["centre"] for each in columns),
            scales=tuple(each["scale"] for each in columns),
            base=scaling["base"],
        ),
    )


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value
