"""The head of an answer travels with the beginning of its body; clients that take nothing are let go."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from gateway.http.write_now import WRITE_NOW, WriteNow
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


class Written:
    """An application that answers as `answer` does, given what writes at once; `done` is set after it."""

    def __init__(self, answer: Callable[[Send, WriteNow], Awaitable[None]]) -> None:
        self._answer = answer
        self.done = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(send, scope[WRITE_NOW])
        self.done.set()


def more(body: bytes, *, more_body: bool = True) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more_body}


async def test_what_is_written_at_once_keeps_its_place_among_what_is_sent(serve_http: Any) -> None:
    taken: list[bool] = []

    async def answer(send: Send, write_now: WriteNow) -> None:
        taken.append(write_now(b"too early"))
        await send(HEAD)
        await send(more(b"one"))
        taken.extend((write_now(b"two"), write_now(b""), write_now(b"three")))
        await send(more(b"four"))
        taken.append(write_now(b"five"))
        await send(more(b"", more_body=False))
        taken.append(write_now(b"too late"))

    app = Written(answer)
    async with serve_http(app) as served, served.connected() as (reader, writer), asyncio.timeout(HANG_SECONDS):
        await ask(writer)
        await reader.readuntil(b"\r\n\r\n")
        body = await reader.readuntil(b"0\r\n\r\n")
        await app.done.wait()
    assert body == b"3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n4\r\nfour\r\n4\r\nfive\r\n0\r\n\r\n"
    assert taken == [False, True, True, True, True, False], "no bytes are a question"


@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_an_answer_of_known_length_or_without_a_body_is_sent(serve_http: Any, method: str) -> None:
    taken: list[bool] = []

    async def answer(send: Send, write_now: WriteNow) -> None:
        await send({**HEAD, "headers": [(b"content-length", b"2")]} if method == "GET" else HEAD)
        taken.append(write_now(b"ok"))
        await send(more(b"ok", more_body=False))

    app = Written(answer)
    async with serve_http(app) as served, served.connected() as (_, writer), asyncio.timeout(HANG_SECONDS):
        await ask(writer, method)
        await app.done.wait()
    assert taken == [False]


async def test_nothing_is_written_at_once_to_a_client_that_takes_nothing(serve_http: Any) -> None:
    written = 0

    async def answer(send: Send, write_now: WriteNow) -> None:
        nonlocal written
        await send(HEAD)
        while write_now(b"x" * 8192):
            written += 1
            assert written < 10_000, "what waits for a slow reader is bounded"
            await asyncio.sleep(0)

    app = Written(answer)
    async with serve_http(app) as served, narrow_client(served.bound), asyncio.timeout(HANG_SECONDS):
        await app.done.wait()
    assert written
