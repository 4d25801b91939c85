"""A detector as what is stored: names and numbers for JSON, and arrays; nothing that is executed when it is read."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

import numpy as np

from feature_service.domain.anomaly.detector import Detector
from feature_service.domain.anomaly.isolation_forest import ForestModel
from feature_service.domain.anomaly.method import AnomalyMethod
from feature_service.domain.anomaly.pca import PcaModel
from feature_service.domain.anomaly.robust_z import RobustZModel
from feature_service.domain.anomaly.score import AnomalyModel
from feature_service.domain.anomaly.window_column import RowScale
from feature_service.domain.feature.time_window import TimeWindowPlan
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.feature.window_rows import Windowing

_MODELS: Final[Mapping[AnomalyMethod, type[AnomalyModel]]] = {
    AnomalyMethod.PCA: PcaModel,
    AnomalyMethod.ISOLATION_FOREST: ForestModel,
    AnomalyMethod.ROBUST_Z: RobustZModel,
}
_MODEL: Final = "model."
_SCALE: Final = "scale."


def detector_head(detector: Detector) -> dict[str, Any]:
    """Return what of a detector is no array."""
    return {
        "method": detector.model.method.value,
        "fields": list(detector.fields),
        **_window_head(detector.window),
        "threshold": detector.threshold,
        "max_gap": detector.window.max_gap,
        "baseline": [detector.start, detector.end, detector.rows],
    }


def detector_arrays(detector: Detector) -> dict[str, "np.ndarray[Any, Any]"]:
    """Return the arrays of a detector by name."""
    return {**_arrays(_MODEL, detector.model), **_arrays(_SCALE, detector.scale)}


def detector_from_state(head: Mapping[str, Any], arrays: Mapping[str, "np.ndarray[Any, Any]"]) -> Detector:
    """Return the detector of what :func:`detector_head` and :func:`detector_arrays` gave."""
    start, end, rows = head["baseline"]
    return Detector(
        fields=tuple(head["fields"]),
        window=_window(head),
        threshold=head["threshold"],
        start=start,
        end=end,
        rows=rows,
        scale=_scale(arrays, len(head["fields"])),
        model=_MODELS[AnomalyMethod(head["method"])](**_named(_MODEL, _MODELS[AnomalyMethod(head["method"])], arrays)),
    )


def _window_head(window: Windowing) -> dict[str, int]:
    if isinstance(window, WindowPlan):
        return {"window_size": window.size}
    return {"window_micros": window.size, "min_rows": window.min_rows}


def _window(head: Mapping[str, Any]) -> Windowing:
    gap = head.get("max_gap")  # one that was kept before there were gaps has none
    if "window_micros" in head:
        return TimeWindowPlan(size=head["window_micros"], min_rows=head["min_rows"], max_gap=gap)
    return WindowPlan(size=head["window_size"], max_gap=gap)


def _scale(arrays: Mapping[str, Any], fields: int) -> RowScale:
    """Return the scale; a detector that was kept without the ends of its baseline's range has none."""
    unknown = {f"{_SCALE}{name}": np.full(fields, np.nan) for name in ("lowest", "highest")}
    return RowScale(**_named(_SCALE, RowScale, {**unknown, **arrays}))


def _arrays(prefix: str, value: Any) -> dict[str, "np.ndarray[Any, Any]"]:
    return {prefix + field.name: np.asarray(getattr(value, field.name)) for field in fields(value)}


def _named(prefix: str, kind: Any, arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {field.name: arrays[prefix + field.name] for field in fields(kind)}
