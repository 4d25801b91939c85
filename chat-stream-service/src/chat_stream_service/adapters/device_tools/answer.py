"""Answers of the device tools: JSON text that stays JSON when it has to be shortened."""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp
from penstock.feature.v1 import feature_pb2

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# What "truncated" and the brackets take.
_RESERVE: Final = 200


def answer(fields: Mapping[str, Any]) -> str:
    """Return the JSON text of an answer."""
    return json.dumps(fields, ensure_ascii=False, allow_nan=False)


def fitted(fields: Mapping[str, Any], key: str, items: Sequence[Any], *, limit: int, truncated: bool = False) -> str:
    """Return the JSON text of an answer whose list `key` holds as many `items` as fit into `limit` characters.

    `truncated` in it says whether some are missing (or were before).
    """
    left = limit - _RESERVE - len(answer(fields))
    count = 0
    for item in items:
        left -= len(json.dumps(item, ensure_ascii=False)) + 2
        if left < 0:
            break
        count += 1
    return answer({**fields, key: list(items[:count]), "truncated": truncated or count < len(items)})


def number(value: float | None) -> float | int | None:
    """Return a number as JSON can hold it: whole ones as integers, None for what is missing."""
    if value is None or not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < 1e15 else value


def window_size(told: feature_pb2.ExtractionOptions | feature_pb2.DeviceAnomalies) -> dict[str, float]:
    """Return how long windows are: in rows, or in seconds."""
    if told.HasField("window_duration"):
        return {"window_seconds": told.window_duration.ToTimedelta().total_seconds()}
    return {"window_size": told.window_size}


def iso_time(stamp: Timestamp | None) -> str | None:
    """Return the ISO 8601 text of a time, None for an unset one."""
    return None if stamp is None else iso_micros(stamp.ToMicroseconds())


def iso_micros(micros: int) -> str:
    """Return the ISO 8601 text of microseconds since the Unix epoch."""
    return (_EPOCH + timedelta(microseconds=micros)).isoformat().replace("+00:00", "Z")
