"""uvicorn's HTTP protocol: head and beginning of an answer in one packet, and an end for clients that take nothing."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from penstock_kit.logging import get_logger

log = get_logger(__name__)

_HEAD = b"HTTP/1.1 "


class HttpProtocol(HttpToolsProtocol):
    """Serves a connection. A client gets a short answer, or a stream's first event, with one read.

    A client that has not taken a byte of its answer for `stall_seconds` loses the connection; a slow one keeps it.
    """

    stall_seconds = 120.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Write over `transport`."""
        super().connection_made(transport)
        self._raw = transport
        self._stall: asyncio.TimerHandle | None = None
        untyped: Any = JoiningTransport(transport, self.loop)
        self.transport = untyped

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of the connection."""
        self._forget_stall()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Begin to watch whether the client takes anything: until it has, nothing more is written."""
        super().pause_writing()
        self._watch_stall()

    def resume_writing(self) -> None:
        """Go on: the client has taken what was written."""
        self._forget_stall()
        super().resume_writing()

    def _watch_stall(self) -> None:
        self._stall = self.loop.call_later(self.stall_seconds, self._look, self._raw.get_write_buffer_size())

    def _look(self, waited_before: int) -> None:
        if self._raw.get_write_buffer_size() < waited_before:
            self._watch_stall()
            return
        log.info("a client that took nothing was let go", seconds=self.stall_seconds, bytes=waited_before)
        self._raw.abort()

    def _forget_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def handle_websocket_upgrade(self) -> None:
        """Leave the connection to the WebSocket protocol, as it is."""
        self.transport = self._raw
        super().handle_websocket_upgrade()


class JoiningTransport:
    """Holds back the head of an answer until what is written next, or until the event loop's next turn.

    It has what uvicorn asks of a transport.
    """

    __slots__ = ("_head", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""

    def write(self, data: bytes) -> None:
        """Write, in order."""
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(_HEAD):
            self._head = data
            self._loop.call_soon(self._flush)
            return
        self._transport.write(data)

    def close(self) -> None:
        """Close once all that was written is out."""
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Return whether it is closed or about to be."""
        return self._transport.is_closing()

    def _flush(self) -> None:
        head, self._head = self._head, b""
        if head and not self._transport.is_closing():
            self._transport.write(head)
