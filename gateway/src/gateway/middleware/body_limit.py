"""Bounds every request body, also inside a compressed one, without ever holding it."""

import zlib
from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from penstock_kit.errors import InvalidArgument, PayloadTooLarge

# How far one compressed chunk is blown up at a time.
_STEP: Final = 256 * 1024
# Joined parts of a compressed body that need no content, and bytes of content for each further one: to begin a part
# costs as much as to unpack kilobytes.
_FREE_PARTS: Final = 64
_BYTES_A_PART: Final = 256
# Bytes that a packed body may have above the limit for what it unpacks to: what can't be packed grows a little.
_OVERHEAD: Final = 64 * 1024
_WINDOW_BITS: Final = {b"gzip": 16 + zlib.MAX_WBITS, b"x-gzip": 16 + zlib.MAX_WBITS, b"deflate": zlib.MAX_WBITS}


class BodyLimit:
    """Refuses bodies over `limit` bytes, or over that of their path in `paths`, and unpacks gzip and deflate.

    A length that is declared too large is refused before a byte of the body is read.
    """

    def __init__(self, app: ASGIApp, *, limit: int, paths: Mapping[str, int]) -> None:
        self._app = app
        self._limit = limit
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._paths.get(scope["path"], self._limit)
        length, encoding = _declared(scope)
        if length > limit:
            raise _too_large(limit)
        if encoding in {b"", b"identity"}:
            await self._app(scope, _Bounded(receive, limit).receive, send)
            return
        if encoding not in _WINDOW_BITS:
            name = encoding.decode("latin-1")
            message = f"content-encoding {name!r} is not understood; send gzip, deflate or none"
            raise InvalidArgument(message, reason="CONTENT_ENCODING_UNSUPPORTED")
        unpacked = _Unpacked(_Bounded(receive, limit + _OVERHEAD).receive, _WINDOW_BITS[encoding])
        await self._app(scope, _Bounded(unpacked.receive, limit).receive, send)


class _Bounded:
    """A receive that raises as soon as more than `limit` bytes have come."""

    __slots__ = ("_limit", "_receive", "_seen")

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._seen = 0

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._seen += len(message.get("body", b""))
            if self._seen > self._limit:
                raise _too_large(self._limit)
        return message


class _Unpacked:
    """A receive that decompresses in bounded steps: a small body that blows up is met by the limit, not by memory."""

    __slots__ = ("_bits", "_content", "_ended", "_held", "_packed", "_parts", "_receive", "_unpack")

    def __init__(self, receive: Receive, window_bits: int) -> None:
        self._receive = receive
        self._bits = window_bits
        self._unpack = zlib.decompressobj(window_bits)
        self._packed = b""
        self._held = False  # the decompressor may still hold output for input it has taken
        self._ended = False
        self._parts = 0  # begun behind another
        self._content = 0

    async def receive(self) -> Message:
        if self._ended and not self._more():
            return await self._receive()
        while not self._more() and not self._ended:
            message = await self._receive()
            if message["type"] != "http.request":
                return message
            self._packed = message.get("body", b"")
            self._ended = not message.get("more_body", False)
        data = self._step()
        return {"type": "http.request", "body": data, "more_body": self._more() or not self._ended}

    def _more(self) -> bool:
        return bool(self._packed) or self._held

    def _step(self) -> bytes:
        try:
            data = self._unpack.decompress(self._packed, _STEP)
        except zlib.error as error:
            raise InvalidArgument(
                f"the compressed body is damaged: {error}", reason="CONTENT_ENCODING_INVALID"
            ) from None
        self._content += len(data)
        self._packed, self._held = self._unpack.unconsumed_tail, len(data) == _STEP
        if self._unpack.eof:
            self._packed, self._held = self._unpack.unused_data, False
            if self._packed:  # gzip files may be joined to one
                self._begin_part()
        elif self._ended and not self._more():
            raise InvalidArgument("the compressed body ends early", reason="CONTENT_ENCODING_INVALID")
        return data

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > _FREE_PARTS + self._content // _BYTES_A_PART:
            message = f"the compressed body has more than {_FREE_PARTS} joined parts with hardly any content"
            raise InvalidArgument(f"{message}; compress it in one", reason="CONTENT_ENCODING_INVALID")
        self._unpack = zlib.decompressobj(self._bits)


def _declared(scope: Scope) -> tuple[int, bytes]:
    length, encoding = 0, b""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            length = int(value)
        elif name == b"content-encoding":
            encoding = value.strip().lower()
    return length, encoding


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"the body is larger than {limit} bytes", reason="BODY_LIMIT_EXCEEDED")
