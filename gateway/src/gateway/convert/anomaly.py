"""Anomalies ⇄ JSON."""

from penstock.feature.v1 import feature_pb2 as pb

from gateway.convert.scalar import JsonObject, duration_ms, time_from_proto
from gateway.convert.window_length import text_of_duration


def anomalies_from_proto(response: pb.DetectAnomaliesResponse, *, stretches: bool = False) -> JsonObject:
    """Return the scored windows of every device, and what lasts where `stretches` were asked for."""
    devices = [_device(device, stretches=stretches) for device in response.devices]
    return {"detector_id": response.detector_id, "devices": devices}


def _device(device: pb.DeviceAnomalies, *, stretches: bool) -> JsonObject:
    return {
        "device_code": device.device_code,
        "method": device.method,
        **_size(device),
        **({"max_gap": duration_ms(device.max_gap) / 1000} if device.HasField("max_gap") else {}),
        "threshold": device.threshold,
        "baseline": {
            "start_time": time_from_proto(device, "baseline_start_time"),
            "end_time": time_from_proto(device, "baseline_end_time"),
            "row_count": device.baseline_rows,
        },
        "warnings": list(device.warnings),
        **({"stretches": [_stretch(each) for each in device.stretches]} if stretches else {}),
        "windows": [_window(window, stretches=stretches) for window in device.windows],
    }


def _stretch(stretch: pb.Stretch) -> JsonObject:
    return {
        "start_time": time_from_proto(stretch, "start_time"),
        "end_time": time_from_proto(stretch, "end_time"),
        "field": stretch.field,
        "value": stretch.value,
        "usual_value": stretch.usual_value,
        "row_count": stretch.row_count,
        "shifts": [
            {"name": each.name, "level": each.level, "usual_level": each.usual_level, "unit": each.unit}
            for each in stretch.shifts
        ],
    }


def _size(device: pb.DeviceAnomalies) -> JsonObject:
    if not device.HasField("window_duration"):
        return {"window_size": device.window_size}
    return {
        "window_size": text_of_duration(device.window_duration),
        "min_rows": device.min_rows,
        "windows_left_out": [{"windows": each.windows, "reason": each.reason} for each in device.left_out],
    }


def _window(window: pb.AnomalyWindow, *, stretches: bool) -> JsonObject:
    return {
        "start_time": time_from_proto(window, "start_time"),
        "end_time": time_from_proto(window, "end_time"),
        "score": window.score if window.HasField("score") else None,
        "anomalous": window.anomalous,
        **({"single_readings": window.single_readings} if stretches else {}),
        "fields": [{"name": field.name, "contribution": field.contribution} for field in window.fields],
    }
