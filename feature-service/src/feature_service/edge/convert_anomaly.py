"""Between the messages about anomalies and the values of the domain."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from penstock.feature.v1 import feature_pb2

from feature_service.domain.anomaly.detection import Anomalies, DeviceAnomalies
from feature_service.domain.anomaly.method import DEFAULT_WINDOW_SIZE, AnomalyMethod
from feature_service.domain.anomaly.query import AnomalyQuery
from feature_service.domain.feature.time_window import TimeWindowPlan
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.span import Span, iso_time
from feature_service.edge.convert import micros_from_proto, span_from_proto, time_to_proto
from feature_service.edge.convert_window import duration_of_micros, window_of_request
from penstock_kit.errors import InvalidArgument

if TYPE_CHECKING:
    from feature_service.domain.anomaly.detector import ScoredWindows
    from feature_service.domain.anomaly.stretch import Stretch

_AT_ONCE: Final = 500
"""Windows that are put into an answer in one go: about a millisecond."""


def query_from_proto(request: feature_pb2.DetectAnomaliesRequest) -> AnomalyQuery:
    """Return what is asked.

    Raises InvalidArgument METHOD_INVALID, THRESHOLD_INVALID, BASELINE_INVALID, DETECTOR_INVALID or TIME_RANGE_INVALID,
    and what windows raise.
    """
    baseline = _baseline(request)
    _require_settled(request, baseline)
    return AnomalyQuery(
        span=span_from_proto(request),
        model_code=request.model_code,
        device_codes=tuple(request.device_codes),
        baseline=baseline,
        fields=tuple(dict.fromkeys(request.fields)),
        method=_method(request.method),
        window=_window(request),
        min_rows=request.min_rows,
        threshold=_threshold(request),
        detector_id=request.detector_id,
        stretches=request.stretches,
    )


def _baseline(request: feature_pb2.DetectAnomaliesRequest) -> Span | None:
    start = micros_from_proto(request, "baseline_start_time")
    end = micros_from_proto(request, "baseline_end_time")
    if start is None and end is None:
        return None
    if start is None or end is None:
        missing = "start_time" if start is None else "end_time"
        raise InvalidArgument(
            f"the baseline has no {missing}; give both, or leave the baseline out", reason="BASELINE_INVALID"
        )
    if end <= start:
        raise InvalidArgument(
            f"baseline_end_time {iso_time(end)} is not after baseline_start_time {iso_time(start)}",
            reason="TIME_RANGE_INVALID",
        )
    return Span(start=start, end=end)


def _require_settled(request: feature_pb2.DetectAnomaliesRequest, baseline: Span | None) -> None:
    given = {
        "baseline": baseline is not None,
        "fields": bool(request.fields),
        "method": bool(request.method),
        "window_size": bool(request.window_size) or request.HasField("window_duration"),
        "step": bool(request.step_rows) or request.HasField("step_duration"),
        "min_rows": bool(request.min_rows),
        "max_gap": request.HasField("max_gap"),
    }
    named = [name for name, is_given in given.items() if is_given]
    if request.detector_id and named:
        raise InvalidArgument(
            f"{', '.join(named)} beside detector_id: they were settled when the detector was fitted; leave them out, "
            "or leave detector_id out to fit a new one",
            reason="DETECTOR_INVALID",
        )


def _window(request: feature_pb2.DetectAnomaliesRequest) -> WindowPlan | TimeWindowPlan:
    window = window_of_request(request, DEFAULT_WINDOW_SIZE)
    if request.min_rows and isinstance(window, WindowPlan):
        raise InvalidArgument(
            "min_rows is of windows by time, and window_size is in rows; give a window_size such as 10m",
            reason="WINDOW_CONFLICT",
        )
    return window if isinstance(window, WindowPlan) else replace(window, min_rows=request.min_rows or 1)


def _method(name: str) -> AnomalyMethod:
    try:
        return AnomalyMethod(name or AnomalyMethod.PCA)
    except ValueError:
        raise InvalidArgument(
            f"method is {name!r}; it must be one of: {', '.join(AnomalyMethod)}", reason="METHOD_INVALID"
        ) from None


def _threshold(request: feature_pb2.DetectAnomaliesRequest) -> float | None:
    if not request.HasField("threshold"):
        return None
    if not (math.isfinite(request.threshold) and request.threshold > 0):
        raise InvalidArgument(
            f"threshold is {request.threshold}; it must be a positive number, or left out to be chosen on the baseline",
            reason="THRESHOLD_INVALID",
        )
    return request.threshold


def anomalies_to_proto(found: Anomalies) -> feature_pb2.DetectAnomaliesResponse:
    """Return the windows of every device, put where they are sent from a few at a time: while messages are copied
    nothing else is done in this process.
    """
    response = feature_pb2.DetectAnomaliesResponse(detector_id=found.detector_id)
    for device in found.devices:
        added = response.devices.add()
        added.MergeFrom(_head_to_proto(device))
        for some in _windows_to_proto(device.windows):
            added.windows.extend(some)
    return response


def _head_to_proto(device: DeviceAnomalies) -> feature_pb2.DeviceAnomalies:
    """Return what there is to say of a device besides its windows."""
    detector = device.detector
    return feature_pb2.DeviceAnomalies(
        device_code=device.device_code,
        threshold=device.threshold,
        baseline_start_time=time_to_proto(detector.start),
        baseline_end_time=time_to_proto(detector.end),
        baseline_rows=detector.rows,
        method=detector.model.method.value,
        warnings=device.warnings,
        max_gap=None if detector.window.max_gap is None else duration_of_micros(detector.window.max_gap),
        **_size(detector.window),
        left_out=[
            feature_pb2.LeftOutWindows(reason=reason, windows=count)
            for reason, count in device.windows.left_out.reasons(detector.window).items()
        ],
        stretches=[_stretch_to_proto(each) for each in device.stretches],
    )


def _stretch_to_proto(stretch: "Stretch") -> feature_pb2.Stretch:
    return feature_pb2.Stretch(
        start_time=time_to_proto(stretch.start),
        end_time=time_to_proto(stretch.end),
        field=stretch.field,
        value=stretch.value,
        usual_value=stretch.usual,
        row_count=stretch.rows,
        shifts=[
            feature_pb2.FieldShift(name=each.field, level=each.level, usual_level=each.usual, unit=each.unit)
            for each in stretch.shifts
        ],
    )


def _size(window: WindowPlan | TimeWindowPlan) -> dict[str, Any]:
    if isinstance(window, WindowPlan):
        return {"window_size": window.size}
    return {"window_duration": duration_of_micros(window.size), "min_rows": window.min_rows}


def _windows_to_proto(windows: "ScoredWindows") -> Iterator[list[feature_pb2.AnomalyWindow]]:
    """Yield the windows in the order of time, a few at once."""
    return (_some_to_proto(windows, slice(at, at + _AT_ONCE)) for at in range(0, len(windows.scores), _AT_ONCE))


def _some_to_proto(windows: "ScoredWindows", some: slice) -> list[feature_pb2.AnomalyWindow]:
    starts = windows.starts[some].astype("int64").tolist()
    rows = zip(
        starts,
        windows.ends[some].astype("int64").tolist(),
        windows.scores[some].tolist(),
        windows.anomalous[some].tolist(),
        windows.contributions[some].tolist(),
        [False] * len(starts) if windows.single_readings is None else windows.single_readings[some].tolist(),
        strict=True,
    )
    return [
        feature_pb2.AnomalyWindow(
            start_time=time_to_proto(start),
            end_time=time_to_proto(end),
            score=None if math.isnan(score) else score,
            anomalous=anomalous,
            fields=_contributions(windows.fields, shares) if not math.isnan(score) else (),
            single_readings=single,
        )
        for start, end, score, anomalous, shares, single in rows
    ]


def _contributions(fields: tuple[str, ...], shares: list[float]) -> list[feature_pb2.FieldContribution]:
    ordered = sorted(zip(fields, shares, strict=True), key=lambda pair: -pair[1])
    return [feature_pb2.FieldContribution(name=name, contribution=share) for name, share in ordered]
