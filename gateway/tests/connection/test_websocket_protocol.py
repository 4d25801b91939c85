"""What a client of a WebSocket does wrong is told to it, and is no error in the log."""

import logging
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
)
# A text of one byte that begins no character, masked with zeros.
NO_TEXT = b"\x81\x81\x00\x00\x00\x00\xff"


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_handshake_that_is_refused_is_no_error_in_the_log(
    serve_http: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.http.response.start", "status": 401, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b"no ticket"})

    async with serve_http(refuse) as served, served.connected() as (reader, writer):
        writer.write(HANDSHAKE)
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert answer.endswith(b"no ticket")
    assert errors(caplog) == []


async def test_a_text_that_is_no_utf_8_ends_its_socket_and_is_no_error_in_the_log(
    serve_http: Any, caplog: pytest.LogCaptureFixture
) -> None:
    received: list[Any] = []

    async def listen(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        received.append(await receive())

    async with serve_http(listen) as served, served.connected() as (reader, writer):
        writer.write(HANDSHAKE)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(NO_TEXT)
        ended = await reader.read()
    assert ended[:4] == b"\x88\x02\x03\xef"
    assert [message["type"] for message in received] == ["websocket.disconnect"]
    assert errors(caplog) == []
