"""Messages made of what a caller sent: what a field cannot hold is the caller's error, with the field's name."""

import struct
from collections.abc import Callable
from typing import Any, Final, NoReturn, ParamSpec, TypeVar

from google.protobuf.message import Message
from pydantic import BaseModel, ValidationError

from gateway.http.validation import validation_error
from penstock_kit.errors import FieldViolation, InvalidArgument

Fields = ParamSpec("Fields")
Made = TypeVar("Made", bound=Message)
Model = TypeVar("Model", bound=BaseModel)

# What protobuf raises for a value outside of a field's range or of the calendar, and for text that is no Unicode.
_UNFIT: Final = (ValueError, OverflowError, TypeError, struct.error)


def build_message(kind: Callable[Fields, Made], /, *args: Fields.args, **fields: Fields.kwargs) -> Made:
    """Return the message `kind` of `fields`; InvalidArgument (REQUEST_INVALID) names the one that it can't hold."""
    try:
        return kind(*args, **fields)
    except _UNFIT as error:
        _refuse(kind, fields, error)


def validate_model(kind: type[Model], **fields: Any) -> Model:
    """Return the pydantic model of `fields`; Unprocessable (VALIDATION_FAILED) says what is wrong with them."""
    try:
        return kind(**fields)
    except ValidationError as error:
        raise validation_error(error.errors()) from None


def _refuse(kind: Callable[..., Message], fields: dict[str, Any], error: Exception) -> NoReturn:
    """Say which field it is: the first that can't be set alone. An unknown field is a defect of ours, and stays one."""
    known = getattr(kind, "DESCRIPTOR").fields_by_name  # noqa: B009 - of a class that is only known as callable
    for name, value in fields.items():
        if name not in known:
            raise error
        try:
            kind(**{name: value})
        except _UNFIT:
            reject_value(name, value)
    raise error


def reject_value(name: str, value: Any) -> NoReturn:
    """Raise InvalidArgument (REQUEST_INVALID) for a value that is out of the range of its field."""
    text = repr(value)
    shown = text if len(text) <= 80 else f"{text[:79]}…"
    violation = FieldViolation(field=name, description=f"{shown} is out of range")
    raise InvalidArgument(f"{name}: {violation.description}", reason="REQUEST_INVALID", violations=[violation])
