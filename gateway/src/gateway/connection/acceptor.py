"""Takes connections from a socket that several processes listen on, so that each gets its share."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from penstock_kit.logging import get_logger

# After an error that others than the client have caused: no free descriptor, no memory.
_PAUSE_SECONDS: Final = 0.2

log = get_logger(__name__)


class Acceptor:
    """Takes one connection in each turn of the event loop: many that come at once go to whoever has time.

    An event loop's own server empties the queue in one go, and would leave nothing to its siblings.
    """

    def __init__(self, listening: socket.socket, protocol: Callable[[], asyncio.Protocol]) -> None:
        self._listening = listening
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[object]] = set()
        self._closed = False

    def start(self) -> "Acceptor":
        """Begin to take connections."""
        self._loop.add_reader(self._listening.fileno(), self._accept)
        return self

    def close(self) -> None:
        """Take no more; what was taken goes on."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._listening.fileno())

    async def wait_closed(self) -> None:
        """Wait until every connection that was taken has its protocol."""
        if self._opening:
            await asyncio.wait(self._opening)

    def _accept(self) -> None:
        try:
            connection, _ = self._listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # a sibling was faster, or the client has gone
        except OSError as error:
            log.warning("no connection can be taken", detail=error.strerror or str(error))
            self._loop.remove_reader(self._listening.fileno())
            self._loop.call_later(_PAUSE_SECONDS, self._resume)
            return
        connection.setblocking(False)
        opening = self._loop.create_task(self._open(connection))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)

    async def _open(self, connection: socket.socket) -> None:
        with suppress(OSError):
            await self._loop.connect_accepted_socket(self._protocol, connection)

    def _resume(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._listening.fileno(), self._accept)
