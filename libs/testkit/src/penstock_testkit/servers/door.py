"""A way to a server that a test can shut: connections through it break, and new ones are refused."""

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit

from penstock_testkit.servers.process import free_port

_PIECE = 64 * 1024


class Door:
    """Passes on to the server at `behind` what comes to the same URL at another port, `url`, while it is open.

    It is shut at first, and must be shut at the end.
    """

    def __init__(self, behind: str) -> None:
        there = urlsplit(behind)
        self._there = (there.hostname, there.port)
        self._port = free_port()
        who = f"{there.netloc.rpartition('@')[0]}@" if "@" in there.netloc else ""
        self.url = there._replace(netloc=f"{who}127.0.0.1:{self._port}").geturl()
        self._listening: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Let connections through."""
        self._listening = await asyncio.start_server(self._connected, "127.0.0.1", self._port)

    async def shut(self) -> None:
        """Break the connections there are and let no more through."""
        if self._listening is None:
            return
        self._listening.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)
        self._listening = None

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        try:
            with suppress(OSError, asyncio.CancelledError):
                further_reader, further_writer = await asyncio.open_connection(*self._there)
                try:
                    async with asyncio.TaskGroup() as group:
                        group.create_task(_pass_on(reader, further_writer))
                        group.create_task(_pass_on(further_reader, writer))
                finally:
                    further_writer.close()
        finally:
            writer.close()
            self._passing.discard(task)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
    writer.close()
