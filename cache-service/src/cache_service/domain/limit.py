"""The bounds of what callers may ask for, and the checks of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from penstock_kit.errors import InvalidArgument, PayloadTooLarge

MAX_VALUE_BYTES: Final = 8 * 1024 * 1024
MAX_TAGS: Final = 16
MAX_MANY: Final = 1_000
MAX_WAIT_SECONDS: Final = 30.0
MAX_LEASE_SECONDS: Final = 300.0
# No life, window or debt ends later: the end of a longer one is no date, and Redis counts milliseconds in 64 bits.
MAX_LIFE_SECONDS: Final = 100 * 365 * 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TtlDefaults:
    """Lives in seconds where the caller names none: of a value, and of a negative entry."""

    ttl: float = 3600.0
    negative_ttl: float = 60.0


def require_positive(value: float, field: str, why: str) -> None:
    """Raise InvalidArgument unless `value` is above zero and no longer than a life; `why` says what zero would mean."""
    if not value > 0:
        message = f"{field} is {value:g} s, it must be above 0: {why}"
        raise InvalidArgument(message, reason="DURATION_INVALID", metadata={"field": field})
    require_within_calendar(value, field)


def require_not_negative(value: float, field: str) -> None:
    """Raise InvalidArgument unless `value` is a number of seconds, 0 or more and no longer than a life."""
    if not value >= 0:
        message = f"{field} is {value:g} s, it must be 0 or more"
        raise InvalidArgument(message, reason="DURATION_INVALID", metadata={"field": field})
    require_within_calendar(value, field)


def require_within_calendar(value: float, field: str) -> None:
    """Raise InvalidArgument for seconds that lead out of the calendar, or out of what Redis counts."""
    if value > MAX_LIFE_SECONDS:
        message = f"{field} is {value:g} s, at most {MAX_LIFE_SECONDS:g} (a hundred years) can be meant"
        raise InvalidArgument(message, reason="DURATION_INVALID", metadata={"field": field})


def require_value_size(value: bytes) -> None:
    """Raise PayloadTooLarge for a value over 8 MiB."""
    if len(value) > MAX_VALUE_BYTES:
        message = f"the value has {len(value)} bytes, at most {MAX_VALUE_BYTES} are cached"
        raise PayloadTooLarge(message, reason="VALUE_LIMIT_EXCEEDED", metadata={"bytes": str(len(value))})


def require_tag_count(tags: Sequence[str]) -> None:
    """Raise InvalidArgument for more than 16 tags."""
    if len(tags) > MAX_TAGS:
        raise InvalidArgument(f"{len(tags)} tags given, at most {MAX_TAGS} are allowed", reason="TAGS_LIMIT_EXCEEDED")


def require_batch_size(items: Sequence[Any]) -> None:
    """Raise InvalidArgument for more than 1,000 keys or entries in one request."""
    if len(items) > MAX_MANY:
        message = f"{len(items)} keys in one request, at most {MAX_MANY} are allowed; send them in parts"
        raise InvalidArgument(message, reason="KEYS_LIMIT_EXCEEDED")
