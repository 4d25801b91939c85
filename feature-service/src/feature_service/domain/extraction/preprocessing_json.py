"""What was fitted on rows, as plain values for JSON."""

from math import isfinite
from typing import Any

from feature_service.domain.extraction.extract import FittedPreprocessing


def preprocessing_json(fitted: FittedPreprocessing, names: tuple[str, ...]) -> dict[str, Any]:
    """Return what was fitted as plain values: fences and fills by field, scaling by feature column.

    A fence that is open on a side has null there.
    """
    scaler = fitted.scaler
    return {
        "outliers": {
            "method": fitted.outlier_filter.method.value,
            "fences": {
                field: {"low": _finite(fence.low), "high": _finite(fence.high)}
                for field, fence in fitted.outlier_filter.fences.items()
            },
        },
        "missing_values": {
            "method": fitted.missing_fill.method.value,
            "fills": dict(fitted.missing_fill.constants),
        },
        "normalize": {
            "method": scaler.method.value,
            "formula": "(value - centre) / scale + base",
            "base": scaler.base,
            "columns": {
                name: {"centre": centre, "scale": scale}
                for name, centre, scale in zip(names, scaler.centres, scaler.scales, strict=False)
            },
        },
    }


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
