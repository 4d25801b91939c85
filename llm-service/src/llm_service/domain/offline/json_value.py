"""Values of decoded JSON, and None or nothing for what is of another type."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast


def number_or_none(value: object) -> float | None:
    """Return `value` as a finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    number = float(value)
    return number if number - number == 0.0 else None


def time_or_none(value: object) -> datetime | None:
    """Return an ISO 8601 text (naive means UTC) or epoch milliseconds as a time in UTC, or None."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)
    if not isinstance(value, str) or not value:
        return None
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        return None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def mapping_of(data: object) -> Mapping[str, object]:
    """Return a JSON object, an empty one for anything else."""
    return cast(Mapping[str, object], data) if isinstance(data, Mapping) else {}


def items(data: object) -> Sequence[object]:
    """Return the items of a JSON array, none for anything else."""
    return cast(Sequence[object], data) if isinstance(data, list | tuple) else ()


def mappings_of(data: object) -> list[Mapping[str, object]]:
    """Return the JSON objects in a list, none for anything else."""
    return [mapping for item in items(data) if (mapping := mapping_of(item))]
