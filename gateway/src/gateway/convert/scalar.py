"""Times, durations, money and token counts between protobuf and JSON."""

import calendar
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from penstock.common.v1.common_pb2 import Money, Usage
from pydantic import AfterValidator, BeforeValidator, Field

JsonObject = dict[str, Any]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# A thousand years: more than any range of rows, and far from what a Duration can't hold.
_LONGEST_SECONDS: Final = 31_556_952_000


def in_utc(value: datetime) -> datetime:
    """Return `value` in UTC; a time without a zone is UTC. ValueError beyond the years 1 to 9999."""
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside of the years 1 to 9999 in UTC") from None


def in_seconds(value: object) -> object:
    """Return `value`, unless it is a text that is no number, such as ``1m``: ValueError says the unit."""
    if isinstance(value, str):
        try:
            float(value.encode("ascii"))
        except ValueError:
            raise ValueError("is a number of seconds, such as 60") from None
    return value


# A time as requests give it: whatever its offset, it is within the calendar in UTC.
Moment = Annotated[datetime, AfterValidator(in_utc)]
# A length of time in seconds.
Seconds = Annotated[float, BeforeValidator(in_seconds), Field(ge=0, le=_LONGEST_SECONDS, allow_inf_nan=False)]


def time_from_proto(owner: Message, field: str) -> datetime | None:
    """Return the time in `owner.field` in UTC, None when it is unset. JSON writes it as ISO 8601 with Z."""
    if not owner.HasField(field):
        return None
    stamp: Timestamp = getattr(owner, field)
    return _EPOCH + timedelta(seconds=stamp.seconds, microseconds=stamp.nanos // 1000)


def time_from_micros(micros: int) -> datetime:
    """Return microseconds since the Unix epoch as a UTC time."""
    return _EPOCH + timedelta(microseconds=micros)


def time_to_proto(value: datetime | None) -> Timestamp | None:
    """Return `value` as a Timestamp; a time without a zone is UTC."""
    if value is None:
        return None
    utc = in_utc(value)
    return Timestamp(seconds=calendar.timegm(utc.timetuple()), nanos=utc.microsecond * 1000)


def seconds_to_proto(seconds: float) -> Duration | None:
    """Return a length of time as a Duration, None for zero, to the microsecond."""
    if not seconds:
        return None
    micros = round(seconds * 1e6)
    return Duration(seconds=micros // 1_000_000, nanos=micros % 1_000_000 * 1000)


def milliseconds(owner: Message, field: str) -> float | None:
    """Return the duration in `owner.field` in milliseconds, None when it is unset."""
    return duration_ms(getattr(owner, field)) if owner.HasField(field) else None


def duration_ms(duration: Duration) -> float:
    """Return a duration in milliseconds, to the microsecond."""
    return round(duration.seconds * 1000 + duration.nanos / 1e6, 3)


def money_from_proto(money: Money) -> JsonObject:
    """Return an amount as a decimal string, null when unknown."""
    return {"amount": money.amount or None, "currency": money.currency or "USD", "source": money.source}


def usage_from_proto(usage: Usage) -> JsonObject:
    """Return the disjoint token classes and their sum."""
    counts = {
        "input_tokens": usage.input_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
    }
    return {**counts, "total_tokens": sum(counts.values()), "estimated": usage.estimated}
