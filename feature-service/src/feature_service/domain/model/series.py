"""A series of telemetry rows: its key, and the kinds of its fields."""

from dataclasses import dataclass
from enum import StrEnum


class FieldKind(StrEnum):
    """The kind of the values of a field: numbers or texts."""

    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class SeriesKey:
    """The key of a series: a device of a tenant."""

    tenant_id: str
    device_code: str
