"""What can be watched, and what is known about it now. No transport, no store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Severity(StrEnum):
    """How much it matters."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Watch(StrEnum):
    """What an alarm looks for in a device's values."""

    ABOVE = "above"
    BELOW = "below"
    OUTSIDE = "outside"
    NO_DATA = "no_data"
    ANOMALY = "anomaly"


class Status(StrEnum):
    """Where an alert is. `NO_DATA`: it fired and what it watches has fallen silent; it neither fires anew nor ends."""

    OK = "ok"
    PENDING = "pending"
    FIRING = "firing"
    NO_DATA = "no_data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A person's alarm on values of devices.

    `device_codes` empty: all devices of `model_code`. ABOVE and BELOW compare with `limit`, OUTSIDE with `lower` and
    `upper`. It ends only once the value is `hysteresis` inside the limit. NO_DATA fires when nothing came for
    `seconds`; the others when the condition held for `seconds`. ANOMALY compares the score that `detector_id` gives a
    device's newest window with `limit`, 0 for the detector's own threshold.
    """

    id: str
    tenant_id: str
    user_id: str
    name: str
    watch: Watch
    device_codes: Sequence[str] = ()
    model_code: str = ""
    field: str = ""
    limit: float = 0.0
    lower: float = 0.0
    upper: float = 0.0
    hysteresis: float = 0.0
    seconds: float = 0.0
    detector_id: str = ""
    severity: Severity = Severity.WARNING
    channel_ids: Sequence[str] = ()
    repeat_seconds: float = 14_400.0
    active: bool = True
    create_time: datetime

    def breaches(self, value: float, *, is_firing: bool) -> bool:
        """Whether `value` is what the alarm is about; while it fires, values within the hysteresis count too."""
        slack = self.hysteresis if is_firing else 0.0
        match self.watch:
            case Watch.ABOVE:
                return value > self.limit - slack
            case Watch.BELOW:
                return value < self.limit + slack
            case Watch.OUTSIDE:
                return value < self.lower + slack or value > self.upper - slack
            case Watch.NO_DATA | Watch.ANOMALY:
                return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one evaluation found: whether the condition holds (None: it can't be said, for there is no data)."""

    holds: bool | None
    value: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertState:
    """What is known of one alert: one rule on one thing (`fingerprint`).

    `episode` rises by one each time it fires; a message belongs to an episode. Times are UTC.
    """

    fingerprint: str
    tenant_id: str
    rule_id: str
    rule_name: str
    severity: Severity
    status: Status = Status.OK
    episode: int = 0
    since: datetime
    fired_time: datetime | None = None
    notified_time: datetime | None = None
    snoozed_until: datetime | None = None
    acknowledged_by: str = ""
    value: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


class Change(StrEnum):
    """What an evaluation changed that people may want to know."""

    NONE = "none"
    FIRED = "fired"
    REPEATED = "repeated"
    RESOLVED = "resolved"
