"""Arguments of the device tools: their schemas, and the times and intervals in them."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from penstock_kit.clock import SystemClock
from penstock_kit.errors import InvalidArgument

DEVICE_CODE: Final = {"type": "string", "minLength": 1, "description": "Code of the device, such as WLD001."}
FIELDS: Final = {
    "type": "array",
    "items": {"type": "string"},
    "description": "Names of fields, exactly as list_devices gives them. Left out: every numeric field.",
}
START_TIME: Final = {
    "type": "string",
    "description": "Begin of the range, inclusive: ISO 8601 (UTC when it has no zone), or now, now-1h, now-7d. "
    "Left out: the first row.",
}
END_TIME: Final = {
    "type": "string",
    "description": "End of the range, exclusive: ISO 8601 (UTC when it has no zone), or now, now-1h, now-7d. "
    "Left out: after the last row.",
}
WINDOW_LENGTH: Final = {
    "type": "string",
    "description": "Length of a window in place of window_size, such as 30s, 10m, 1h or 1d.",
}

_CLOCK: Final = SystemClock()
_RELATIVE: Final = re.compile(r"now(?:\s*([+-])\s*(\d{1,6})\s*(s|m|min|h|d|w))?", re.ASCII)
_INTERVAL: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d|w)", re.ASCII)
_SECONDS: Final = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}


def object_schema(properties: Mapping[str, Any], required: Sequence[str] = ()) -> dict[str, Any]:
    """Return the schema of an arguments object that allows nothing else."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def timestamp(text: str | None, name: str, *, now: Callable[[], datetime] = _CLOCK.now) -> Timestamp | None:
    """Return the time in an ISO 8601 text or one such as ``now-1h``, None for none; InvalidArgument for any other."""
    if not text:
        return None
    try:
        relative = _RELATIVE.fullmatch(text.strip().lower())
        parsed = datetime.fromisoformat(text.strip()) if relative is None else now() + _offset(relative)
    except ValueError:
        wanted = "2020-03-09T10:00:00Z or 2020-03-09"
        raise InvalidArgument(
            f"{name} {text!r} is no ISO 8601 time; write {wanted}, or now-1h", reason="TIME_INVALID"
        ) from None
    aware = parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)
    stamp = Timestamp()
    stamp.FromDatetime(aware)
    return stamp


def _offset(relative: "re.Match[str]") -> timedelta:
    sign, count, unit = relative.groups()
    if not sign:
        return timedelta()
    return timedelta(seconds=int(count) * _SECONDS[unit]) * (-1 if sign == "-" else 1)


def duration(text: str | None) -> Duration | None:
    """Return the length of an interval such as ``1m``, None for none; InvalidArgument when it is not one."""
    if not text:
        return None
    found = _INTERVAL.fullmatch(text.strip().lower())
    if found is None or float(found[1]) == 0:
        raise InvalidArgument(f"interval {text!r} is none; write 30s, 1m, 1h or 1d", reason="INTERVAL_INVALID")
    length = Duration()
    length.FromTimedelta(timedelta(seconds=float(found[1]) * _SECONDS[found[2]]))
    return length
