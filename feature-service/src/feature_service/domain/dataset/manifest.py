"""The manifest of a data set: what is needed to make the same features when serving, and where it came from."""

import json
import platform
from importlib.metadata import version
from typing import Any

import numpy as np

from feature_service.domain.dataset.build import BuiltDataset, Part
from feature_service.domain.dataset.plan import DatasetPlan, SplitMethod
from feature_service.domain.extraction.preprocessing_json import preprocessing_json
from feature_service.domain.feature.time_window import TimeWindowPlan
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.span import iso_time

VERSION = 2


def manifest_of(dataset_id: str, plan: DatasetPlan, built: BuiltDataset, *, created: int) -> str:
    """Return the manifest as JSON text."""
    return json.dumps(
        {
            "version": VERSION,
            "dataset_id": dataset_id,
            "created": iso_time(created),
            "model_code": plan.model_code,
            "device_codes": sorted({*built.training.device_codes, *built.validation.device_codes}),
            "start_time": None if plan.span.start is None else iso_time(plan.span.start),
            "end_time": None if plan.span.end is None else iso_time(plan.span.end),
            "fields": built.fields,
            "feature_names": built.feature_names,
            "window": _window(plan.extraction.window),
            "label": {
                "field": plan.label_field,
                "mode": plan.label_mode.value,
                "horizon_seconds": plan.horizon / 1e6,
                "classes": built.classes.names(),
                "commonest": built.classes.names()[built.classes.common],
            },
            "split": {
                "method": plan.split.value,
                "val_split": plan.val_split,
                "random_state": plan.random_state if plan.split is not SplitMethod.TIME else None,
                "purged": True,
                "embargo_seconds": plan.embargo / 1e6,
            },
            "options": _options(plan),
            "training": _part(built.training, built),
            "validation": _part(built.validation, built),
            "fitted_on": "training",
            "fitted": preprocessing_json(built.fitted, built.feature_names),
            "data_sha256": built.data_hash,
            "versions": _versions(),
            "warnings": _warnings(built),
        }
    )


def _window(window: WindowPlan | TimeWindowPlan) -> dict[str, Any]:
    """Where windows lie; those by time have lengths instead of rows, and begin at multiples of the step since 1970."""
    gap = None if window.max_gap is None else window.max_gap / 1e6
    if isinstance(window, WindowPlan):
        return {"size": window.size, "overlap": window.overlap, "step": window.step, "max_gap_seconds": gap}
    return {
        "size_seconds": window.size / 1e6,
        "overlap": window.overlap,
        "step_seconds": window.step / 1e6,
        "origin": iso_time(0),
        "min_rows": window.min_rows,
        "max_gap_seconds": gap,
    }


def _options(plan: DatasetPlan) -> dict[str, Any]:
    """Every option as it was applied, that the same request can be made again."""
    extraction = plan.extraction
    return {
        "device_codes": list(plan.device_codes),
        "fields": list(plan.fields),
        "features": list(extraction.features),
        "missing_value_method": extraction.missing.value,
        "outlier_method": extraction.outliers.value,
        "outlier_threshold": extraction.outlier_threshold,
        "normalize_method": extraction.normalize.value,
        "range": list(extraction.value_range),
        "split": plan.split.value,
        "val_split": plan.val_split,
        "random_state": plan.random_state,
        "label_mode": plan.label_mode.value,
        "embargo": plan.embargo / 1e6,
        "horizon": plan.horizon / 1e6,
        "max_gap": None if extraction.window.max_gap is None else extraction.window.max_gap / 1e6,
    }


def _versions() -> dict[str, str]:
    return {
        "penstock": version("penstock-feature-service"),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def class_counts(part: Part, built: BuiltDataset) -> dict[str, int]:
    """Return the number of windows by label."""
    return {name: int((part.labels == code).sum()) for code, name in enumerate(built.classes.names())}


def _part(part: Part, built: BuiltDataset) -> dict[str, Any]:
    starts = part.starts.astype("int64")
    names = built.classes.names()
    return {
        "samples": len(part),
        "classes": class_counts(part, built),
        "rows": {"classes": dict(zip(names, part.rows[:-1].tolist(), strict=True)), "unlabelled": int(part.rows[-1])},
        "unlabelled_windows": part.unlabelled,
        "purity": {"mean": float(part.purity.mean()), "pure_share": float((part.purity == 1.0).mean())},
        "devices": sorted(set(part.device_codes)),
        "first_window": iso_time(int(starts.min())),
        "last_window": iso_time(int(starts.max())),
    }


def _warnings(built: BuiltDataset) -> list[str]:
    found: list[str] = []
    train, check = class_counts(built.training, built), class_counts(built.validation, built)
    for name in built.classes.names():
        if train[name] == 0 and check[name] > 0:
            found.append(f"class {name!r} is in the validation part only: a model cannot learn it")
        if check[name] == 0 and train[name] > 0:
            found.append(f"class {name!r} is in the training part only: it is not validated")
    missing = float(np.isnan(built.training.features).mean())
    if missing > 0:
        found.append(f"{missing:.2%} of the training features are NaN: some windows have no value of a field")
    return found
