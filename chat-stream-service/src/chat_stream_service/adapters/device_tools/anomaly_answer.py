"""Anomalies as the tool shows them: windows that overlap are one time."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from penstock.feature.v1 import feature_pb2

from chat_stream_service.adapters.device_tools.answer import iso_time, window_size

MOST_OF_SEVERAL: Final = 5
_MOST_FIELDS: Final = 5
_LEAST_SHARE: Final = 0.05
_BRIEF: Final = 2
"""Windows that one reading is in, as each shares half of its rows with the next: no more may be its doing alone."""


def shown_device(response: feature_pb2.DetectAnomaliesResponse) -> dict[str, Any]:
    """Return what was compared with what."""
    device = response.devices[0]
    windows = device.windows
    groups = _grouped(windows)
    return {
        "device_code": device.device_code,
        "detector_id": response.detector_id,
        "method": device.method,
        **window_size(device),
        "threshold": _rounded(device.threshold),
        "start_time": iso_time(windows[0].start_time) if windows else None,
        "end_time": iso_time(windows[-1].end_time) if windows else None,
        "baseline": {
            "start_time": iso_time(device.baseline_start_time),
            "end_time": iso_time(device.baseline_end_time),
            "row_count": device.baseline_rows,
        },
        "window_count": len(windows),
        "anomalous_windows": sum(window.anomalous for window in windows),
        "anomaly_count": len(groups),
        "brief_count": sum(map(_is_brief, groups)),
    }


def shown_anomalies(response: feature_pb2.DetectAnomaliesResponse) -> list[dict[str, Any]]:
    """Return the times that are anomalous, the lasting ones first, of these the strangest."""
    groups = sorted(_grouped(response.devices[0].windows), key=lambda group: (_is_brief(group), -_score(group)))
    return [_shown(group) for group in groups]


def _is_brief(group: Sequence[feature_pb2.AnomalyWindow]) -> bool:
    return len(group) <= _BRIEF


def _score(group: Iterable[feature_pb2.AnomalyWindow]) -> float:
    return max(window.score for window in group)


def _grouped(windows: Iterable[feature_pb2.AnomalyWindow]) -> list[list[feature_pb2.AnomalyWindow]]:
    """Anomalous windows that follow each other."""
    groups: list[list[feature_pb2.AnomalyWindow]] = []
    follows = False
    for window in windows:
        if window.anomalous:
            groups[-1].append(window) if follows else groups.append([window])
        follows = window.anomalous
    return groups


def _shown(group: Sequence[feature_pb2.AnomalyWindow]) -> dict[str, Any]:
    strangest = max(group, key=lambda window: window.score)
    shares = [field for field in strangest.fields[:_MOST_FIELDS] if field.contribution >= _LEAST_SHARE]
    return {
        "start_time": iso_time(group[0].start_time),
        "end_time": iso_time(group[-1].end_time),
        "windows": len(group),
        "score": _rounded(strangest.score),
        "fields": [{"name": field.name, "contribution": round(field.contribution, 3)} for field in shares],
    }


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
