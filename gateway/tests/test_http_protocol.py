"""The head of an answer travels with the beginning of its body."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send

from gateway.http_protocol import HttpProtocol

HEAD = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}


@asynccontextmanager
async def served(app: Any) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to `app`."""
    server = uvicorn.Server(uvicorn.Config(app, http=HttpProtocol, lifespan="off", log_config=None, port=0))
    config = server.config
    config.load()
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(
        lambda: HttpProtocol(config=config, server_state=server.server_state, app_state={}), "127.0.0.1", 0
    )
    reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
    try:
        yield reader, writer
    finally:
        writer.close()
        listening.close()


async def ask(writer: asyncio.StreamWriter, method: str = "GET") -> None:
    writer.write(f"{method} / HTTP/1.1\r\nhost: x\r\n\r\n".encode())
    await writer.drain()


async def test_a_short_answer_comes_with_one_read() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        head = {**HEAD, "headers": [(b"content-length", b"2")]}
        await send(head)
        await send({"type": "http.response.body", "body": b"ok"})

    async with served(app) as (reader, writer):
        for _ in range(3):  # the connection is kept
            await ask(writer)
            answer = await reader.read(4096)
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            assert answer.endswith(b"\r\n\r\nok")


async def test_a_head_alone_does_not_wait_for_its_body() -> None:
    go_on = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(HEAD)
        await go_on.wait()
        await send({"type": "http.response.body", "body": b"late"})

    async with served(app) as (reader, writer), asyncio.timeout(5):
        await ask(writer)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
        go_on.set()
        assert await reader.readuntil(b"0\r\n\r\n") == b"4\r\nlate\r\n0\r\n\r\n"


async def test_an_answer_without_a_body_is_complete() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**HEAD, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async with served(app) as (reader, writer), asyncio.timeout(5):
        await ask(writer, "HEAD")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_what_was_written_goes_out_before_the_connection_closes() -> None:
    async with served(None) as (reader, writer), asyncio.timeout(5):
        writer.write(b"nonsense\r\n\r\n")
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert answer.endswith(b"Invalid HTTP request received.")


async def test_a_body_that_looks_like_a_head_keeps_its_place() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**HEAD, "headers": [(b"content-length", b"30")]})
        for piece in (b"0123456789", b"HTTP/1.1 2", b"abcdefghij"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async with served(app) as (reader, writer), asyncio.timeout(5):
        await ask(writer)
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(30) == b"0123456789HTTP/1.1 2abcdefghij"
