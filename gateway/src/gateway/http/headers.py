"""Headers as ASGI carries them, and those that routes of every kind read."""

from collections.abc import Iterable
from typing import Final

from gateway.http.validation import validation_error

_LONGEST_KEY: Final = 200

Header = tuple[bytes, bytes]


def idempotency_key(headers: Iterable[Header]) -> str:
    """Return the caller's Idempotency-Key, empty when there is none.

    Raises Unprocessable (VALIDATION_FAILED) for one that is longer than 200 characters.
    """
    for name, value in headers:
        if name == b"idempotency-key":
            return _checked(value.decode("latin-1"))
    return ""


def _checked(key: str) -> str:
    if len(key) > _LONGEST_KEY:
        text = f"String should have at most {_LONGEST_KEY} characters"
        raise validation_error(
            [{"loc": ("header", "idempotency-key"), "type": "string_too_long", "msg": text, "input": key}]
        )
    return key
