"""The transport that answers are written to: head and beginning of a body in one packet."""

import asyncio
from collections.abc import Callable
from typing import Final

_HEAD: Final = b"HTTP/1.1 "


class JoiningTransport:
    """Holds back the head of an answer until what is written next, or until the event loop's next turn.

    It has what uvicorn asks of a transport. `on_close` closes the connection itself.
    """

    __slots__ = ("_closing", "_head", "_loop", "_on_close", "_transport")

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, *, on_close: Callable[[], None]
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._on_close = on_close
        self._head = b""
        self._closing = False

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
        if not self._closing:
            self._closing = True
            self._on_close()

    def abort(self) -> None:
        """Close at once, whatever is not written yet."""
        self._transport.abort()

    def detach(self) -> None:
        """Let go of whom `on_close` belongs to, once the connection is lost: each would keep the other."""
        self._on_close = _nothing

    def is_closing(self) -> bool:
        """Return whether it is closed or about to be."""
        return self._closing or self._transport.is_closing()

    def _flush(self) -> None:
        head, self._head = self._head, b""
        if head and not self._transport.is_closing():
            self._transport.write(head)


def _nothing() -> None:
    """Do nothing: there is no connection to close."""
