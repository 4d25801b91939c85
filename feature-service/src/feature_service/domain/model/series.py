"""A series of rows: whose it is, and what kind of values a field holds."""

from dataclasses import dataclass
from enum import StrEnum


class FieldKind(StrEnum):
    """What a field's values are."""

    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class SeriesKey:
    """Whose rows: a device of a tenant."""

    tenant_id: str
    device_code: str
