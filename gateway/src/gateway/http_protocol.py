"""uvicorn's HTTP protocol, with the head of an answer and the beginning of its body in one packet."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD = b"HTTP/1.1 "


class HttpProtocol(HttpToolsProtocol):
    """Serves a connection. A client gets a short answer, or a stream's first event, with one read."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Write over `transport`."""
        super().connection_made(transport)
        self._raw = transport
        untyped: Any = JoiningTransport(transport, self.loop)
        self.transport = untyped

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
