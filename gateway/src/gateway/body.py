"""Reading request bodies: bounded, and as JSON that is what it says."""

from typing import Any

import orjson
from starlette.types import Receive

from gateway.streaming.departure import ClientLeft
from penstock_kit.errors import InvalidArgument


async def read_body(receive: Receive) -> bytes:
    """Return the whole body. Its size is bounded by the middleware in front; ClientLeft when it breaks off."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientLeft
    if not message.get("more_body", False):
        return message.get("body", b"")
    chunks = [message.get("body", b"")]
    while message.get("more_body", False):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        chunks.append(message.get("body", b""))
    return b"".join(chunks)


def parse_json(body: bytes) -> Any:
    """Return the JSON in `body`; raise InvalidArgument (JSON_INVALID) saying where it breaks."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        message = f"the body is not JSON: {error}" if body else "the body is empty; send a JSON object"
        raise InvalidArgument(message, reason="JSON_INVALID") from None


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in `body`; raise InvalidArgument for anything else."""
    value = parse_json(body)
    if not isinstance(value, dict):
        message = f"the body must be a JSON object, not {type(value).__name__}"
        raise InvalidArgument(message, reason="JSON_INVALID")
    return value  # pyright: ignore[reportUnknownVariableType]
