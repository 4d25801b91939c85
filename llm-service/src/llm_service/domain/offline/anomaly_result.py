"""What device_anomalies answered, read from its JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from llm_service.domain.offline.json_value import mapping_of, mappings_of, number_or_none, time_or_none
from llm_service.domain.offline.query import TimeRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """A time in which a device was strange: how strange, and the shares of the fields, the largest first."""

    start: datetime
    end: datetime
    score: float
    fields: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnomalyResult:
    """The anomalies of a device, the lasting ones first, among `windows` windows of `time`; `note` says why none were.

    Of `count` anomalies the answer may have room for some only; `brief` of them may be one odd reading each. They were
    compared with the rows of `baseline`.
    """

    device: str
    windows: int
    threshold: float
    time: TimeRange
    anomalies: tuple[Anomaly, ...]
    count: int
    baseline: TimeRange
    note: str = ""
    brief: int = 0


def anomalies_from_json(data: object) -> tuple[AnomalyResult, ...]:
    """Return a device_anomalies answer about one device or several."""
    several = mapping_of(data).get("devices")
    return tuple(map(_device, mappings_of(several))) if several is not None else (_device(mapping_of(data)),)


def _device(answer: Mapping[str, object]) -> AnomalyResult:
    found = tuple(filter(None, (_anomaly(item) for item in mappings_of(answer.get("anomalies")))))
    baseline = mapping_of(answer.get("baseline"))
    return AnomalyResult(
        device=str(answer.get("device_code", "")),
        windows=int(number_or_none(answer.get("window_count")) or 0),
        threshold=number_or_none(answer.get("threshold")) or 0.0,
        time=TimeRange(start=time_or_none(answer.get("start_time")), end=time_or_none(answer.get("end_time"))),
        anomalies=found,
        count=max(int(number_or_none(answer.get("anomaly_count")) or 0), len(found)),
        baseline=TimeRange(start=time_or_none(baseline.get("start_time")), end=time_or_none(baseline.get("end_time"))),
        note=str(answer.get("note") or ""),
        brief=int(number_or_none(answer.get("brief_count")) or 0),
    )


def _anomaly(item: Mapping[str, object]) -> Anomaly | None:
    start, end = time_or_none(item.get("start_time")), time_or_none(item.get("end_time"))
    score = number_or_none(item.get("score"))
    if start is None or end is None or score is None:
        return None
    shares = ((str(each.get("name", "")), number_or_none(each.get("contribution"))) for each in _fields(item))
    return Anomaly(
        start=start, end=end, score=score, fields=tuple((name, share) for name, share in shares if share is not None)
    )


def _fields(item: Mapping[str, object]) -> list[Mapping[str, object]]:
    return mappings_of(item.get("fields"))
