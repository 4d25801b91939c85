"""Which fields a question is about: named ones must exist and fit, none named means all that fit."""

from collections.abc import Mapping, Sequence

from feature_service.domain.model.device import Device
from feature_service.domain.model.series import FieldKind
from feature_service.domain.telemetry.query import Condition, Operator
from penstock_kit.errors import InvalidArgument, NotFound


def chosen_fields(asked: Sequence[str], known: Mapping[str, FieldKind], subject: str) -> tuple[str, ...]:
    """Return `asked`, or all known fields.

    Raises InvalidArgument FIELD_NOT_FOUND listing what `subject` has, NotFound DATA_NOT_FOUND when it has none yet.
    """
    for name in asked:
        if name not in known:
            raise _unknown_field(name, known, subject)
    return tuple(dict.fromkeys(asked)) or tuple(known)


def numeric_fields(asked: Sequence[str], device: Device, *, leave_out: str = "") -> tuple[str, ...]:
    """Return the number fields among `asked`, or all of the device but `leave_out`.

    Raises InvalidArgument FIELD_NOT_FOUND or FIELD_TYPE_INVALID, NotFound DATA_NOT_FOUND.
    """
    subject = f"device {device.code!r}"
    numeric = {name: kind for name, kind in device.fields.items() if kind is FieldKind.NUMBER}
    for name in chosen_fields(asked, device.fields, subject) if asked else ():
        require_numeric(name, device.fields, subject)
    return tuple(dict.fromkeys(asked)) or tuple(name for name in numeric if name != leave_out)


def require_numeric(name: str, known: Mapping[str, FieldKind], subject: str) -> None:
    """Raise InvalidArgument FIELD_TYPE_INVALID unless the known field holds numbers."""
    if known[name] is not FieldKind.NUMBER:
        numeric = [other for other, kind in known.items() if kind is FieldKind.NUMBER]
        raise InvalidArgument(
            f"field {name!r} of {subject} holds text; the numeric ones are: {', '.join(numeric)}",
            reason="FIELD_TYPE_INVALID",
            metadata={"field": name},
        )


def require_comparable(condition: Condition, known: Mapping[str, FieldKind], subject: str) -> None:
    """Raise InvalidArgument FIELD_NOT_FOUND or FILTER_INVALID, NotFound DATA_NOT_FOUND, unless it makes sense."""
    for each in condition.any_of:
        require_comparable(each, known, subject)
    if condition.any_of:
        return
    kind = known.get(condition.field)
    if kind is None:
        raise _unknown_field(condition.field, known, subject)
    if not condition.operands or (condition.operator is not Operator.IN and len(condition.operands) != 1):
        raise InvalidArgument(
            f"the filter {condition.field} {condition.operator} has {len(condition.operands)} values; "
            "it needs one (in: one or more)",
            reason="FILTER_INVALID",
        )
    for operand in condition.operands:
        if isinstance(operand, str) != (kind is FieldKind.TEXT):
            raise InvalidArgument(
                f"the filter on {condition.field!r} compares with {operand!r}, but the field holds {kind}s",
                reason="FILTER_INVALID",
                metadata={"field": condition.field},
            )


def _unknown_field(name: str, known: Mapping[str, FieldKind], subject: str) -> InvalidArgument | NotFound:
    if not known:  # it was registered, by rows that are being stored perhaps: the name may be right
        return NotFound(f"there are no rows of {subject} yet, and no field {name!r}", reason="DATA_NOT_FOUND")
    return InvalidArgument(
        f"unknown field {name!r}; {subject} has: {', '.join(known)}",
        reason="FIELD_NOT_FOUND",
        metadata={"field": name},
    )
