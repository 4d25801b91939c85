"""Answers we give in a server's place, as JSON-RPC errors that only we make: the session behind them lives on."""

import json
from typing import Any, Final

# Codes of the range that JSON-RPC leaves to implementations; no server's own code is mistaken for them.
ANSWER_TOO_LONG: Final = -32_097
SESSION_FORGOTTEN: Final = -32_098
# Bytes of a list of tools, which is read to leave out the tools that are too large.
LIST_BYTES: Final = 4 * 1024 * 1024
LIST_METHOD: Final = "tools/list"


def too_long(max_bytes: int) -> dict[str, Any]:
    """Return the error for an answer of more than `max_bytes`."""
    return {"code": ANSWER_TOO_LONG, "message": f"the server answered more than {max_bytes:,} bytes; ask for less"}


def forgotten() -> dict[str, Any]:
    """Return the error for a call of a session that the server does not know any more."""
    return {"code": SESSION_FORGOTTEN, "message": "the server has forgotten the session"}


def error_message(request_id: Any, error: dict[str, Any]) -> bytes:
    """Return a JSON-RPC error response."""
    return json.dumps({"jsonrpc": "2.0", "id": request_id, "error": error}).encode()
