"""Clients that take what they are sent a kilobyte a second, over connections that hold little."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

_BYTES: Final = 1024
_SECONDS: Final = 1.0
_HELD_BYTES: Final = 4096
_MANY_BYTES: Final = 64 * 1024


class SlowReader:
    """One GET request, whose answer is taken slowly. `taken` is what came so far, head and framing included."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._hurry = asyncio.Event()
        self.taken = bytearray()

    @property
    def hurrying(self) -> bool:
        """Whether it takes what there is as fast as it comes."""
        return self._hurry.is_set()

    async def read(self, url: str, key: str, *, wait: float) -> None:
        """Ask after `wait` seconds, and take the answer to its end."""
        await asyncio.sleep(wait)
        where, loop = urlsplit(url), asyncio.get_running_loop()
        await loop.sock_connect(self._connection, (where.hostname, where.port))
        head = f"GET {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nConnection: close\r\nAuthorization: Bearer {key}"
        await loop.sock_sendall(self._connection, f"{head}\r\n\r\n".encode())
        while piece := await loop.sock_recv(self._connection, _MANY_BYTES if self.hurrying else _BYTES):
            self.taken += piece
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), _SECONDS)

    def hurry(self) -> None:
        """Take the rest as fast as it comes."""
        self._hurry.set()


@asynccontextmanager
async def slow_readers(url: str, key: str, *, count: int) -> AsyncGenerator[list[SlowReader]]:
    """Let `count` readers take the answer to a GET request slowly during the block, each at another moment of the
    second; those that are in a hurry at the end are waited for."""
    async with AsyncExitStack() as stack:
        readers = [SlowReader(stack.enter_context(_narrow_connection())) for _ in range(count)]
        pause = _SECONDS / count
        reading = {
            asyncio.create_task(reader.read(url, key, wait=number * pause)): reader
            for number, reader in enumerate(readers)
        }
        try:
            yield readers
            await asyncio.gather(*(task for task, reader in reading.items() if reader.hurrying))
        finally:
            for task in reading:
                task.cancel()
            await asyncio.gather(*reading, return_exceptions=True)


def _narrow_connection() -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _HELD_BYTES)
    connection.setblocking(False)
    return connection
