"""Page tokens: where a list goes on, opaque to whoever holds them."""

import base64
import binascii
import json

from penstock_kit.errors import FieldViolation, InvalidArgument


def encode_token(*position: str | int) -> str:
    """Return the token of a position in a list."""
    text = json.dumps(position, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_token(token: str, *kinds: type[str] | type[int]) -> tuple[str | int, ...]:
    """Return the position in a token; InvalidArgument (PAGE_TOKEN_INVALID) when it holds anything but `kinds`."""
    try:
        padded = token + "=" * (-len(token) % 4)
        position = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if [type(part) for part in position] == list(kinds):
            return tuple(position)
    except (binascii.Error, ValueError, TypeError, RecursionError):
        pass
    description = f"{token[:40]!r} is not a token of this list; use next_page_token of the page before"
    raise InvalidArgument(
        f"page_token {description}",
        reason="PAGE_TOKEN_INVALID",
        violations=[FieldViolation(field="page_token", description=description)],
    )
