"""What device_anomalies answered, read from its JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from llm_service.domain.offline.field import match_field
from llm_service.domain.offline.json_value import mapping_of, mappings_of, number_or_none, time_or_none
from llm_service.domain.offline.query import StructuredQuery, TimeRange
from llm_service.domain.offline.words_data import LABEL_FIELD


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """A time in which a device was strange: how strange, and the shares of the fields, the largest first."""

    start: datetime
    end: datetime
    score: float
    fields: tuple[tuple[str, float], ...]
    single: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelShift:
    """A number field that was at `level` where it is usually at `usual`."""

    field: str
    level: float
    usual: float
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OddState:
    """A time in which the text `field` said `value`, and not `usual`; number fields were at another level then."""

    start: datetime
    end: datetime
    field: str
    value: str
    usual: str
    shifts: tuple[LevelShift, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnomalyResult:
    """The anomalies of a device, the lasting ones first, among `windows` windows of `time`; `note` says why none were.

    Of `count` anomalies the answer may have room for some only; `brief` of them may be one odd reading each, `single`
    of these are. They were compared with the rows of `baseline`. Of the `odd_state_count` times in which a text field
    was not as usual `odd_states` are the longest; `knows_states` says that the tool looks for them. `stops` are the
    times that were left out as those of stops.
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
    single: int = 0
    stops: int = 0
    odd_states: tuple[OddState, ...] = ()
    odd_state_count: int = 0
    knows_states: bool = False

    @property
    def lasting(self) -> int:
        """How many times are no single odd readings."""
        return self.odd_state_count + self.count - self.single


def of_fields(result: AnomalyResult, query: StructuredQuery) -> AnomalyResult:
    """Return what concerns the number fields asked about: a bad label at the usual gas is nothing odd of the gas."""
    if not query.fields or LABEL_FIELD in query.fields:
        return result
    kept = tuple(
        replace(state, shifts=shifts)
        for state in result.odd_states
        if (shifts := tuple(shift for shift in state.shifts if match_fields(query.fields, shift.field)))
    )
    if len(kept) == len(result.odd_states):
        return replace(result, odd_states=kept)
    # Of those that there was no room for it is not known what they are.
    return replace(result, odd_states=kept, odd_state_count=len(kept))


def match_fields(phrases: Sequence[str], name: str) -> bool:
    """Return whether one of the phrases names the field."""
    return any(match_field(phrase, [name]) for phrase in phrases)


def anomalies_from_json(data: object) -> tuple[AnomalyResult, ...]:
    """Return a device_anomalies answer about one device or several."""
    several = mapping_of(data).get("devices")
    return tuple(map(_device, mappings_of(several))) if several is not None else (_device(mapping_of(data)),)


def _device(answer: Mapping[str, object]) -> AnomalyResult:
    found = tuple(filter(None, (_anomaly(item) for item in mappings_of(answer.get("anomalies")))))
    baseline = mapping_of(answer.get("baseline"))
    states = tuple(filter(None, (_odd_state(item) for item in mappings_of(answer.get("stretches")))))
    single = sum(each.single for each in found)
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
        single=max(int(number_or_none(answer.get("single_reading_count")) or 0), single),
        odd_states=states,
        knows_states="stretches" in answer,
        odd_state_count=max(int(number_or_none(answer.get("stretch_count")) or 0), len(states)),
    )


def _odd_state(item: Mapping[str, object]) -> OddState | None:
    start, end = time_or_none(item.get("start_time")), time_or_none(item.get("end_time"))
    if start is None or end is None:
        return None
    shifts = tuple(filter(None, (_shift(each) for each in mappings_of(item.get("shifts")))))
    field, value, usual = (str(item.get(name) or "") for name in ("field", "value", "usual_value"))
    return OddState(start=start, end=end, field=field, value=value, usual=usual, shifts=shifts)


def _shift(item: Mapping[str, object]) -> LevelShift | None:
    level, usual = number_or_none(item.get("level")), number_or_none(item.get("usual_level"))
    if level is None or usual is None:
        return None
    return LevelShift(field=str(item.get("name", "")), level=level, usual=usual, unit=str(item.get("unit") or ""))


def _anomaly(item: Mapping[str, object]) -> Anomaly | None:
    start, end = time_or_none(item.get("start_time")), time_or_none(item.get("end_time"))
    score = number_or_none(item.get("score"))
    if start is None or end is None or score is None:
        return None
    shares = ((str(each.get("name", "")), number_or_none(each.get("contribution"))) for each in _fields(item))
    return Anomaly(
        start=start,
        end=end,
        score=score,
        fields=tuple((name, share) for name, share in shares if share is not None),
        single=item.get("single_readings") is True,
    )


def _fields(item: Mapping[str, object]) -> list[Mapping[str, object]]:
    return mappings_of(item.get("fields"))
