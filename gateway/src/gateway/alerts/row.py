"""Between the alerts' objects and their rows."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final, cast

import orjson

from gateway.alerts.channels.channel import Channel, ChannelKind
from gateway.alerts.message import Message
from gateway.alerts.model import Alarm, AlertState, Severity, Status, Watch
from gateway.auth.row import micros

_TIMES: Final = frozenset({"since", "fired_time", "notified_time", "snoozed_until", "create_time", "time"})
_ENUMS: Final = {"watch": Watch, "severity": Severity, "status": Status, "kind": ChannelKind}


def to_json(value: Alarm | AlertState | Channel | Message) -> str:
    """Return an object as JSON."""
    return orjson.dumps(asdict(value)).decode()


def alarm_from_json(text: str) -> Alarm:
    """Return the alarm in a row."""
    return Alarm(**_fields(text))


def state_from_json(text: str) -> AlertState:
    """Return the state in a row."""
    return AlertState(**_fields(text))


def channel_from_json(text: str) -> Channel:
    """Return the channel in a row."""
    return Channel(**_fields(text))


def message_from_json(text: str) -> Message:
    """Return the message in a row."""
    fields: dict[str, Any] = orjson.loads(text)
    fields |= {"time": datetime.fromisoformat(fields["time"]), "lines": tuple(fields["lines"])}
    return Message(**fields)


def state_to_row(state: AlertState, now: datetime) -> Mapping[str, Any]:
    """Return the columns of a state."""
    return {
        "fingerprint": state.fingerprint,
        "tenant_id": state.tenant_id,
        "rule_id": state.rule_id,
        "status": state.status.value,
        "definition": to_json(state),
        "update_time": micros(now),
    }


def _fields(text: str) -> dict[str, Any]:
    fields: dict[str, Any] = orjson.loads(text)
    for name, value in fields.items():
        if name in _TIMES and value is not None:
            fields[name] = datetime.fromisoformat(value)
        elif name in _ENUMS:
            fields[name] = _ENUMS[name](value)
        elif isinstance(value, list):
            fields[name] = tuple(cast("list[Any]", value))
    return fields
