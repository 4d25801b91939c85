"""Page tokens: where a list goes on, opaque to whoever holds them."""

import base64
import binascii
import json
from typing import Final

from penstock_kit.errors import FieldViolation, InvalidArgument

_TWO_63: Final = 2**63


def encode_token(*position: str | int) -> str:
    """Return the token of a position in a list."""
    text = json.dumps(position, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_token(token: str, *kinds: type[str] | type[int]) -> tuple[str | int, ...]:
    """Return the position in a token; InvalidArgument (PAGE_TOKEN_INVALID) when it holds anything but `kinds`."""
    try:
        padded = token + "=" * (-len(token) % 4)
        position = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if [type(part) for part in position] == list(kinds) and all(map(_is_storable, position)):
            return tuple(position)
    except (binascii.Error, ValueError, TypeError, RecursionError):
        pass
    description = f"{token[:40]!r} is not a token of this list; use next_page_token of the page before"
    raise InvalidArgument(
        f"page_token {description}",
        reason="PAGE_TOKEN_INVALID",
        violations=[FieldViolation(field="page_token", description=description)],
    )


def _is_storable(part: str | int) -> bool:
    """Whether a database can compare with it: no integer beyond 64 bits, no NUL."""
    return "\x00" not in part if isinstance(part, str) else -_TWO_63 <= part < _TWO_63
