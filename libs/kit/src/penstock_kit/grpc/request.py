"""Requests that can't be parsed: an error of the caller's, which grpc.aio would report as ours."""

from collections.abc import AsyncGenerator, AsyncIterable, Callable
from typing import Any

from penstock_kit.errors import InvalidArgument


class Malformed:
    """Stands in for a request whose bytes are not a message of its type."""

    __slots__ = ("size",)

    def __init__(self, size: int) -> None:
        self.size = size

    def error(self, method: str) -> InvalidArgument:
        """Return what the caller is told."""
        return InvalidArgument(
            f"the request to {method} ({self.size} bytes) is not a message of its type; "
            "check that both sides use the same protos",
            reason="MESSAGE_INVALID",
        )


def tolerant(deserialize: Callable[[bytes], Any] | None) -> Callable[[bytes], Any] | None:
    """Return a deserializer that answers :class:`Malformed` instead of raising."""
    if deserialize is None:
        return None
    from google.protobuf.message import DecodeError

    def deserialized(data: bytes) -> Any:
        try:
            return deserialize(data)
        except (DecodeError, ValueError):
            return Malformed(len(data))

    return deserialized


def checked(request: Any, method: str) -> Any:
    """Return `request`; raise InvalidArgument (MESSAGE_INVALID) when it could not be parsed."""
    if type(request) is Malformed:
        raise request.error(method)
    return request


async def checked_stream(requests: AsyncIterable[Any], method: str) -> AsyncGenerator[Any]:
    """Yield the requests of a stream; raise InvalidArgument at one that could not be parsed."""
    async for request in requests:
        yield checked(request, method)
