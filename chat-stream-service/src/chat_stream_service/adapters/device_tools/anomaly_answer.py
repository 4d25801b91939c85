"""Anomalies as the tool shows them: windows that overlap are one time."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from penstock.feature.v1 import feature_pb2

from chat_stream_service.adapters.device_tools.answer import iso_time, window_size

MOST_OF_SEVERAL: Final = 5
_MOST_STRETCHES: Final = 12
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
        "single_reading_count": sum(map(_is_single, groups)),
        "stretch_count": len(device.stretches),
        "stretches": [_stretch(each) for each in _longest(device.stretches)],
    }


def _longest(stretches: Sequence[feature_pb2.Stretch]) -> list[feature_pb2.Stretch]:
    """The longest stretches, in the order of time."""
    by_length = sorted(stretches, key=lambda each: each.start_time.ToMicroseconds() - each.end_time.ToMicroseconds())
    return sorted(by_length[:_MOST_STRETCHES], key=lambda each: each.start_time.ToMicroseconds())


def _stretch(stretch: feature_pb2.Stretch) -> dict[str, Any]:
    return {
        "start_time": iso_time(stretch.start_time),
        "end_time": iso_time(stretch.end_time),
        "field": stretch.field,
        "value": stretch.value,
        "usual_value": stretch.usual_value,
        "shifts": [_shift(each) for each in stretch.shifts[:_MOST_FIELDS]],
    }


def _shift(shift: feature_pb2.FieldShift) -> dict[str, Any]:
    told = {"name": shift.name, "level": _rounded(shift.level), "usual_level": _rounded(shift.usual_level)}
    return {**told, "unit": shift.unit} if shift.unit else told


def shown_anomalies(response: feature_pb2.DetectAnomaliesResponse) -> list[dict[str, Any]]:
    """Return the times that are anomalous, the lasting ones first and single readings last, the strangest of each."""
    groups = _grouped(response.devices[0].windows)
    groups.sort(key=lambda group: (_is_single(group), _is_brief(group), -_score(group)))
    return [_shown(group) for group in groups]


def _is_brief(group: Sequence[feature_pb2.AnomalyWindow]) -> bool:
    return len(group) <= _BRIEF or _is_single(group)


def _is_single(group: Sequence[feature_pb2.AnomalyWindow]) -> bool:
    return all(window.single_readings for window in group)


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
        **({"single_readings": True} if _is_single(group) else {}),
        "fields": [{"name": field.name, "contribution": round(field.contribution, 3)} for field in shares],
    }


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
