"""Looks up how strange devices are: the scores that a detector gives their newest windows."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from penstock.feature.v1 import feature_pb2 as pb

from gateway.alerts.model import Alarm, Observation

if TYPE_CHECKING:
    from penstock.feature.v1.feature_pb2_grpc import FeatureServiceAsyncStub

_SECONDS: Final = 8.0
_FIT_SECONDS: Final = 60.0
# A score of rows that ended longer ago says nothing about now.
_STALE_SECONDS: Final = 900.0


async def fit_detector(
    features: "FeatureServiceAsyncStub",
    *,
    model_code: str,
    device_codes: Sequence[str],
    field: str,
    start_time: datetime,
    end_time: datetime,
) -> str:
    """Fit detectors on the rows of a time in which all was well, and return the id under which they are kept."""
    request = pb.DetectAnomaliesRequest(
        model_code=model_code, device_codes=device_codes, fields=[field] if field else []
    )
    for name, time in (("start_time", start_time), ("end_time", end_time)):
        getattr(request, name).FromDatetime(time)
        getattr(request, f"baseline_{name}").FromDatetime(time)
    return (await features.DetectAnomalies(request, timeout=_FIT_SECONDS)).detector_id


async def observe_anomalies(
    features: "FeatureServiceAsyncStub", alarm: Alarm, firing: frozenset[str], now: datetime, *, until: datetime
) -> Sequence[tuple[str, datetime | None, Observation]]:
    """Return, for each device of the detector, the time of the newest row scored before `until` and what was found."""
    request = pb.DetectAnomaliesRequest(detector_id=alarm.detector_id, device_codes=alarm.device_codes)
    request.end_time.FromDatetime(until)
    answer = await features.DetectAnomalies(request, timeout=_SECONDS)
    return [_observe(alarm, device, device.device_code in firing, now) for device in answer.devices]


def _observe(
    alarm: Alarm, device: pb.DeviceAnomalies, is_firing: bool, now: datetime
) -> tuple[str, datetime | None, Observation]:
    labels = {"device_code": device.device_code, "model_code": alarm.model_code, "field": alarm.field}
    newest = next((window for window in reversed(device.windows) if window.HasField("score")), None)
    if newest is None:
        return device.device_code, None, Observation(holds=None, labels=labels)
    time = newest.end_time.ToDatetime(UTC)
    labels["last_seen"] = f"{time:%Y-%m-%d %H:%M:%S} UTC"
    if newest.fields:
        labels["field"] = newest.fields[0].name
    if (now - time).total_seconds() > max(_STALE_SECONDS, 2 * alarm.seconds):
        return device.device_code, time, Observation(holds=None, labels=labels)
    threshold = (alarm.limit or device.threshold) - (alarm.hysteresis if is_firing else 0.0)
    return device.device_code, time, Observation(holds=newest.score > threshold, value=newest.score, labels=labels)
