"""The manifest of a data set: what is needed to make the same features when serving, and where it came from."""

import json
from typing import Any

import numpy as np

from feature_service.domain.dataset.build import BuiltDataset, Part
from feature_service.domain.dataset.plan import DatasetPlan, SplitMethod
from feature_service.domain.extraction.preprocessing_json import preprocessing_json
from feature_service.domain.model.span import iso_time

VERSION = 1


def manifest_of(dataset_id: str, plan: DatasetPlan, built: BuiltDataset, *, created: int) -> str:
    """Return the manifest as JSON text."""
    window = plan.extraction.window
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
            "window": {"size": window.size, "overlap": window.overlap, "step": window.step},
            "label": {
                "field": plan.label_field,
                "mode": plan.label_mode.value,
                "classes": built.classes.names(),
                "commonest": built.classes.names()[built.classes.common],
            },
            "split": {
                "method": plan.split.value,
                "val_split": plan.val_split,
                "random_state": plan.random_state if plan.split is not SplitMethod.TIME else None,
                "purged": True,
            },
            "training": _part(built.training, built),
            "validation": _part(built.validation, built),
            "fitted_on": "training",
            "fitted": preprocessing_json(built.fitted, built.feature_names),
            "warnings": _warnings(built),
        }
    )


def class_counts(part: Part, built: BuiltDataset) -> dict[str, int]:
    """Return the number of windows by label."""
    return {name: int((part.labels == code).sum()) for code, name in enumerate(built.classes.names())}


def _part(part: Part, built: BuiltDataset) -> dict[str, Any]:
    starts = part.starts.astype("int64")
    return {
        "samples": len(part),
        "classes": class_counts(part, built),
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
