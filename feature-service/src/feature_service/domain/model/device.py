"""Devices, their fields and the data models that describe a type of device."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from feature_service.domain.model.series import FieldKind
from penstock_kit.errors import InvalidArgument, Unprocessable

MAX_FIELDS: Final = 10_000
"""Fields that a device, a data model or a body of rows may have."""


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

    `fields` are those its rows have had, in the order of their first appearance. `created_by` is the id of the user who
    registered it, empty for one that came with its rows.
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
    created_by: str = ""


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


def require_few_fields(subject: str, count: int) -> None:
    """Raise Unprocessable FIELDS_LIMIT_EXCEEDED when the subject (a device, a data model) has too many fields."""
    if count > MAX_FIELDS:
        raise Unprocessable(
            f"{subject} would have {count} fields, at most {MAX_FIELDS} are possible; "
            "give each kind of thing a data model of its own",
            reason="FIELDS_LIMIT_EXCEEDED",
        )


def require_fields(model: DataModel) -> None:
    """Raise InvalidArgument FIELD_CONFLICT for a field without a name or named twice; FIELDS_LIMIT_EXCEEDED as above.

    The work grows with the number of fields alone: it is done on the event loop.
    """
    require_few_fields(f"model {model.code!r}", len(model.fields))
    seen: set[str] = set()
    for each in model.fields:
        if not each.code.strip() or each.code in seen:
            wrong = "has a field without a name" if not each.code.strip() else f"names field {each.code!r} twice"
            raise InvalidArgument(f"model {model.code!r} {wrong}", reason="FIELD_CONFLICT")
        seen.add(each.code)
