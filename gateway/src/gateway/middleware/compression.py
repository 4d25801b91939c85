"""Compresses large answers with Brotli or gzip, and never an event stream or a download."""

import asyncio
import gzip
from functools import lru_cache
from typing import Final, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_TYPES: Final = (b"application/json", b"application/problem+json", b"text/")
_IN_THREAD: Final = 256 * 1024
_BROTLI_QUALITY: Final = 4
_GZIP_LEVEL: Final = 5


class Compression:
    """Compresses answers of `least` bytes or more that were sent in one piece. Streams pass as they are."""

    def __init__(self, app: ASGIApp, *, least: int = 4096) -> None:
        self._app = app
        self._least = least

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope."""
        encoding = _accepted(scope) if scope["type"] == "http" else ""
        if not encoding:
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, _Answer(send, encoding, self._least).send)


class _Answer:
    """Holds the head of an answer back until its first piece shows whether it is worth compressing."""

    __slots__ = ("_encoding", "_head", "_least", "_send")

    def __init__(self, send: Send, encoding: str, least: int) -> None:
        self._send = send
        self._encoding = encoding
        self._least = least
        self._head: Message | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if not _compressible(message):
                await self._send(message)
                return
            self._head = message
            return
        if self._head is not None:
            head, self._head = self._head, None
            message = await self._compressed(head, message)
            await self._send(head)
        await self._send(message)

    async def _compressed(self, head: Message, message: Message) -> Message:
        body: bytes = message.get("body", b"")
        if message.get("more_body", False) or len(body) < self._least:
            return message
        if len(body) > _IN_THREAD:
            packed = await asyncio.to_thread(_pack, body, self._encoding)
        else:
            packed = _pack(body, self._encoding)
        headers = [(name, value) for name, value in head["headers"] if name.lower() != b"content-length"]
        headers += [
            (b"content-length", b"%d" % len(packed)),
            (b"content-encoding", self._encoding.encode()),
            (b"vary", b"accept-encoding"),
        ]
        head["headers"] = headers
        return {"type": "http.response.body", "body": packed}


def _pack(body: bytes, encoding: str) -> bytes:
    if encoding == "br":
        import brotli

        return cast("bytes", brotli.compress(body, quality=_BROTLI_QUALITY))  # pyright: ignore[reportUnknownMemberType]
    return gzip.compress(body, _GZIP_LEVEL, mtime=0)


def _compressible(head: Message) -> bool:
    kind = b""
    for name, value in head.get("headers", ()):
        lowered = name.lower()
        if lowered == b"content-encoding":
            return False
        if lowered == b"content-type":
            kind = value
    return kind.startswith(_TYPES) and not kind.startswith(b"text/event-stream")


def _accepted(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"accept-encoding":
            return _best_of(value)
    return ""


@lru_cache(256)  # clients say the same again and again
def _best_of(accepted: bytes) -> str:
    """Return "br", "gzip" or "" by Accept-Encoding; a quality of zero is a refusal."""
    offered: set[bytes] = set()
    for entry in accepted.lower().split(b","):
        name, _, quality = entry.partition(b";")
        if quality.replace(b" ", b"") not in {b"q=0", b"q=0.0", b"q=0.00", b"q=0.000"}:
            offered.add(name.strip())
    if b"br" in offered:
        return "br"
    return "gzip" if b"gzip" in offered else ""
