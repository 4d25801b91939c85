"""How clients of InfluxDB say who they are."""

import base64
import binascii
from collections.abc import Sequence

from fastapi import Request

Headers = Sequence[tuple[bytes, bytes]]


def credentials_of(request: Request) -> Headers:
    """Return the headers of a request with its credential as a bearer's.

    Clients of InfluxDB 2 send `Token KEY`, or `Token USER:KEY`; those of InfluxDB 1 the key as the password of Basic
    or in the parameter `p`. The user's name is not used: the key says whose it is.
    """
    headers = [pair for pair in request.headers.raw if pair[0] != b"authorization"]
    credential = _credential(request.headers.get("authorization", "")) or request.query_params.get("p", "")
    return (
        [*headers, (b"authorization", b"Bearer " + credential.encode("latin-1", "replace"))] if credential else headers
    )


def _credential(header: str) -> str:
    scheme, _, rest = header.partition(" ")
    match scheme.lower():
        case "token":
            return rest.strip().rpartition(":")[2]
        case "basic":
            return _decoded(rest.strip()).partition(":")[2]
        case "bearer":
            return rest.strip()
        case _:
            return ""


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode("latin-1")
    except (binascii.Error, ValueError):
        return ""
