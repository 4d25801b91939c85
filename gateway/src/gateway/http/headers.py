"""Headers as ASGI carries them, and those that routes of every kind read."""

from collections.abc import Iterable

Header = tuple[bytes, bytes]


def idempotency_key(headers: Iterable[Header]) -> str:
    """Return the caller's Idempotency-Key, empty when there is none."""
    for name, value in headers:
        if name == b"idempotency-key":
            return value.decode("latin-1")
    return ""
