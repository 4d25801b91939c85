"""Devices, their fields and the data models that describe a type of device."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from feature_service.domain.model.series import FieldKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A measured quantity (or label) of a type of device; `unit` such as ``A``."""

    code: str
    kind: FieldKind = FieldKind.NUMBER
    display_name: str = ""
    unit: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device of a tenant. Times are microseconds since the epoch; the seen ones None before the first row.

    `fields` are those its rows have had, in the order of their first appearance.
    """

    code: str
    name: str = ""
    device_type: str = ""
    model_code: str = ""
    active: bool = True
    fields: Mapping[str, FieldKind] = field(default_factory=dict[str, FieldKind])
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    created: int = 0
    updated: int = 0
    first_seen: int | None = None
    last_seen: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataModel:
    """What a type of device measures and how it is used.

    `label_field` names the field that holds the label for training, empty for none. `defaults` are extraction
    options by their names, as JSON text.
    """

    code: str
    name: str = ""
    device_type: str = ""
    model_type: str = ""
    active: bool = True
    fields: Sequence[Field] = ()
    label_field: str = ""
    defaults: str = ""
    created: int = 0
    updated: int = 0
