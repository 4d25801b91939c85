"""The plan of a data set as JSON, as it is kept while the data set is being built."""

from dataclasses import asdict
from typing import Any

import orjson

from feature_service.domain.dataset.plan import DatasetPlan, LabelMode, SplitMethod
from feature_service.domain.extraction.plan import ExtractionPlan
from feature_service.domain.feature.time_window import TimeWindowPlan
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.span import Span
from feature_service.domain.preprocessing.method import MissingMethod, NormalizeMethod, OutlierMethod
from penstock_kit.errors import InvalidArgument


def plan_to_json(plan: DatasetPlan) -> str:
    """Return the plan as JSON text."""
    by_time = isinstance(plan.extraction.window, TimeWindowPlan)
    return orjson.dumps({**asdict(plan), "by_time": by_time}).decode()


def plan_from_json(text: str) -> DatasetPlan | None:
    """Return the plan; None when there is none, or one of another version."""
    try:
        return _plan(orjson.loads(text))
    except (ValueError, TypeError, KeyError, InvalidArgument):
        return None


def _plan(values: dict[str, Any]) -> DatasetPlan:
    by_time = values.pop("by_time")
    typed: dict[str, Any] = {
        "device_codes": tuple(values["device_codes"]),
        "fields": tuple(values["fields"]),
        "span": Span(**values["span"]),
        "extraction": _extraction(values["extraction"], by_time=by_time),
        "split": SplitMethod(values["split"]),
        "label_mode": LabelMode(values["label_mode"]),
    }
    return DatasetPlan(**values | typed)


def _extraction(values: dict[str, Any], *, by_time: bool) -> ExtractionPlan:
    low, high = values["value_range"]
    window = TimeWindowPlan if by_time else WindowPlan
    typed: dict[str, Any] = {
        "window": window(**values["window"]),
        "features": tuple(values["features"]),
        "missing": MissingMethod(values["missing"]),
        "outliers": OutlierMethod(values["outliers"]),
        "normalize": NormalizeMethod(values["normalize"]),
        "value_range": (low, high),
    }
    return ExtractionPlan(**values | typed)
