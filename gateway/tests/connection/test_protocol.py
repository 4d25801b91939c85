"""The head of an answer travels with the beginning of its body; clients that take nothing are let go."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import Receive, Scope, Send

from penstock_testkit.waiting import HANG_SECONDS

HEAD = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
STALL = 0.2


class Endless:
    """An answer that never ends; `left` is set when its client is gone."""

    def __init__(self) -> None:
        self.left = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(HEAD)
        sending = asyncio.create_task(self._send(send))
        while (await receive())["type"] != "http.disconnect":
            pass
        sending.cancel()
        self.left.set()

    async def _send(self, send: Send) -> None:
        while True:
            await send({"type": "http.response.body", "body": b"x" * 8192, "more_body": True})
            await asyncio.sleep(0)


@asynccontextmanager
async def narrow_client(bound: socket.socket) -> AsyncGenerator[socket.socket]:
    """A client that has asked, and whose system takes little before it reads."""
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        await loop.sock_connect(client, bound.getsockname())
        await loop.sock_sendall(client, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        yield client


async def ask(writer: asyncio.StreamWriter, method: str = "GET") -> None:
    writer.write(f"{method} / HTTP/1.1\r\nhost: x\r\n\r\n".encode())
    await writer.drain()


async def test_a_short_answer_comes_with_one_read(serve_http: Any) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        head = {**HEAD, "headers": [(b"content-length", b"2")]}
        await send(head)
        await send({"type": "http.response.body", "body": b"ok"})

    async with serve_http(app) as served, served.connected() as (reader, writer):
        for _ in range(3):  # the connection is kept
            await ask(writer)
            answer = await reader.read(4096)
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            assert answer.endswith(b"\r\n\r\nok")


async def test_a_head_alone_does_not_wait_for_its_body(serve_http: Any) -> None:
    go_on = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(HEAD)
        await go_on.wait()
        await send({"type": "http.response.body", "body": b"late"})

    async with serve_http(app) as served, served.connected() as (reader, writer), asyncio.timeout(HANG_SECONDS):
        await ask(writer)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
        go_on.set()
        assert await reader.readuntil(b"0\r\n\r\n") == b"4\r\nlate\r\n0\r\n\r\n"


async def test_an_answer_without_a_body_is_complete(serve_http: Any) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**HEAD, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async with serve_http(app) as served, served.connected() as (reader, writer), asyncio.timeout(HANG_SECONDS):
        await ask(writer, "HEAD")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_what_was_written_goes_out_before_the_connection_closes(serve_http: Any) -> None:
    async with serve_http(None) as served, served.connected() as (reader, writer), asyncio.timeout(HANG_SECONDS):
        writer.write(b"nonsense\r\n\r\n")
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert answer.endswith(b'"success":false}')


async def test_a_body_that_looks_like_a_head_keeps_its_place(serve_http: Any) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**HEAD, "headers": [(b"content-length", b"30")]})
        for piece in (b"0123456789", b"HTTP/1.1 2", b"abcdefghij"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async with serve_http(app) as served, served.connected() as (reader, writer), asyncio.timeout(HANG_SECONDS):
        await ask(writer)
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(30) == b"0123456789HTTP/1.1 2abcdefghij"


async def test_a_client_that_takes_nothing_is_let_go(serve_http: Any) -> None:
    app = Endless()
    async with (
        serve_http(app, stall_seconds=STALL) as served,
        narrow_client(served.bound),
        asyncio.timeout(HANG_SECONDS),
    ):
        await app.left.wait()


async def test_a_client_that_takes_little_is_served_on(serve_http: Any) -> None:
    app, loop = Endless(), asyncio.get_running_loop()
    async with (
        serve_http(app, stall_seconds=STALL) as served,
        narrow_client(served.bound) as client,
        asyncio.timeout(HANG_SECONDS),
    ):
        end = loop.time() + 5 * STALL
        while loop.time() < end:
            assert await loop.sock_recv(client, 65536)
            await asyncio.sleep(0.01)
        assert not app.left.is_set()
