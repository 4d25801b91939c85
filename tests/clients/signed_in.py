"""A proxy that signs every request in, for clients that have no place for credentials; all else passes as it is."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

_HEAD_END = b"\r\n\r\n"


@asynccontextmanager
async def signed_in(url: str, key: str) -> AsyncGenerator[str]:
    """The URL of the proxy in front of `url`."""
    target = urlsplit(url)
    credentials = f"Authorization: Bearer {key}".encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, ahead = await asyncio.open_connection(target.hostname, target.port)
        back = asyncio.create_task(_pass_on(behind, writer))
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(_HEAD_END)
                line, _, rest = head.partition(b"\r\n")
                ahead.write(line + b"\r\n" + credentials + b"\r\n" + rest)
                ahead.write(await reader.readexactly(_length(head)))
        ahead.close()
        await back

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://localhost:{server.sockets[0].getsockname()[1]}"


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
    writer.close()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0
