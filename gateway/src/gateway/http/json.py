"""JSON of requests and responses: NaN and infinities are written as null, times end in Z."""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from starlette.responses import Response

from penstock_kit.errors import FieldViolation, InvalidArgument

_OPTIONS: Final = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC | orjson.OPT_NON_STR_KEYS


def encode(value: Any) -> bytes:
    """Return `value` as JSON. orjson writes NaN and infinities as null, which is what we promise."""
    return orjson.dumps(value, option=_OPTIONS)


def compact(value: Any, field: str) -> str:
    """Return a value that came in as JSON as JSON text; raise InvalidArgument when it is nested too deeply."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError as error:
        violation = FieldViolation(field=field, description=f"cannot be passed on as JSON: {error}")
        message = f"{field}: {violation.description}"
        raise InvalidArgument(message, reason="REQUEST_INVALID", violations=[violation]) from None


class JsonResponse(Response):
    """An ``application/json`` response."""

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(content=encode(content), status_code=status_code, headers=headers)
