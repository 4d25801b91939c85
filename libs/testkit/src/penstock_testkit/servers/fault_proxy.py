"""A TCP proxy that a test can cut: its connections break, and new ones are refused until it is opened again."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

from penstock_testkit.servers.process import free_port

_PIECE = 64 * 1024


class FaultProxy:
    """Passes on to the server at `upstream_url` what comes to the same URL at another port, `url`, while it is open.

    It is cut at first, and must be cut at the end. `connections` counts those there have been.
    """

    def __init__(self, upstream_url: str) -> None:
        there = urlsplit(upstream_url)
        self._upstream = (there.hostname, there.port)
        self._port = free_port()
        who = f"{there.netloc.rpartition('@')[0]}@" if "@" in there.netloc else ""
        self.url = there._replace(netloc=f"{who}127.0.0.1:{self._port}").geturl()
        self._listening: asyncio.Server | None = None
        self._relaying: set[asyncio.Task[None]] = set()
        self.connections = 0
        self._spoilt = 0

    async def open(self) -> None:
        """Let connections through."""
        self._listening = await asyncio.start_server(self._on_connection, "127.0.0.1", self._port)

    async def cut(self) -> None:
        """Break the connections there are and let no more through."""
        if self._listening is None:
            return
        self._listening.close()
        for task in self._relaying:
            task.cancel()
        await asyncio.gather(*self._relaying, return_exceptions=True)
        self._listening = None

    def spoil(self) -> None:
        """Let the connections there are look whole, and break with the next byte that is sent; new ones go through."""
        self._spoilt = self.connections

    async def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._relaying.add(task)
        self.connections += 1
        number = self.connections
        try:
            with suppress(OSError, asyncio.CancelledError):
                further_reader, further_writer = await asyncio.open_connection(*self._upstream)
                try:
                    async with asyncio.TaskGroup() as group:
                        group.create_task(_relay(reader, further_writer, lambda: number <= self._spoilt))
                        group.create_task(_relay(further_reader, writer, lambda: False))
                finally:
                    further_writer.close()
        finally:
            writer.close()
            self._relaying.discard(task)


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_spoilt: Callable[[], bool]) -> None:
    with suppress(OSError):
        while (piece := await reader.read(_PIECE)) and not is_spoilt():
            writer.write(piece)
            await writer.drain()
    writer.close()
