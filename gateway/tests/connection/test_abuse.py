"""Requests that are no HTTP, too large, too slow or too many, over real sockets."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from penstock_testkit.waiting import HANG_SECONDS, until

HOST = b"Host: x\r\n"
OK: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"


class Seen:
    """Answers ``ok`` to everything, and remembers the scopes and bodies it was given."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message["body"], message["more_body"]
        self.scopes.append(scope)
        self.bodies.append(body)
        await send(OK)
        await send({"type": "http.response.body", "body": b"ok"})


class Gated(Seen):
    """Answers when it is told to; `begun` counts the requests under way."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.begun = 0
        self.left = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun += 1
        gate = asyncio.create_task(self.gate.wait())
        await receive()
        leaving = asyncio.ensure_future(receive())
        await asyncio.wait({gate, leaving}, return_when=asyncio.FIRST_COMPLETED)
        gate.cancel()
        if leaving.done():
            self.left.set()
            return
        leaving.cancel()
        await send(OK)
        await send({"type": "http.response.body", "body": b"ok"})


def refused(answer: bytes) -> tuple[int, str]:
    """Status and reason of the only answer, which is problem+json and the last on its connection."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    problem = json.loads(body)
    assert b"connection: close" in lines
    assert b"content-type: application/problem+json" in lines
    assert int(lines[0].split()[1]) == problem["status"]
    return problem["status"], problem["reason"]


MALFORMED = {
    "content-length and transfer-encoding": CHUNKED + b"Content-Length: 4\r\n\r\n0\r\n\r\n",
    "transfer-encoding after content-length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a list of lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\nabc",
    "a signed length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc",
    "a length beyond 64 bits": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    "an empty length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \r\n\r\n",
    "a space before the colon": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 3\r\n\r\nabc",
    "chunked not last": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "transfer-encoding in 1.0": b"POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a folded line": b"GET / HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n folded\r\n\r\n",
    "a bare line feed": b"GET / HTTP/1.1\nHost: x\n\n",
    "a bare carriage return": b"GET / HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n",
    "a null": b"GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "two hosts in 1.0": b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
    "a host with a path": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "a host with a user": b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
    "a list of hosts": b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
    "bytes in the target": b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    "a target that is no path": b"GET x HTTP/1.1\r\nHost: x\r\n\r\n",
    "a chunk size with 0x": CHUNKED + b"\r\n0x2\r\nab\r\n0\r\n\r\n",
    "a chunk size beyond 64 bits": CHUNKED + b"\r\nfffffffffffffffff\r\nab\r\n0\r\n\r\n",
    "a line feed in a chunk extension": CHUNKED + b"\r\n2;\nxx\r\nab\r\n0\r\n\r\n",
    "a megabyte of chunk extension": CHUNKED + b"\r\n1;" + b"a" * 1_000_000 + b"\r\n{\r\n0\r\n\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(100)),
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED.keys())
async def test_what_could_be_read_in_two_ways_is_refused_and_ends_the_connection(serve_http: Any, sent: bytes) -> None:
    app = Seen()
    async with serve_http(app) as served:
        assert refused(await served.answers(sent + GET)) == (400, "HTTP_INVALID")
    assert app.bodies == []


@pytest.mark.parametrize(
    ("sent", "status", "reason"),
    [
        (b"GET /\r\n\r\n", 505, "HTTP_VERSION_UNSUPPORTED"),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505, "HTTP_VERSION_UNSUPPORTED"),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            501,
            "TRANSFER_ENCODING_UNSUPPORTED",
        ),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "TRANSFER_ENCODING_UNSUPPORTED"),
        (b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: x\r\n\r\n", 501, "METHOD_UNSUPPORTED"),
    ],
)
async def test_what_is_http_but_not_spoken_here_is_refused_as_such(
    serve_http: Any, sent: bytes, status: int, reason: str
) -> None:
    async with serve_http(Seen()) as served:
        assert refused(await served.answers(sent)) == (status, reason)


@pytest.mark.parametrize(
    "make",
    [
        lambda: b"X: " + b"a" * 28_000_000,
        lambda: b"X: " + b"a" * 66_000 + b"\r\n\r\n",
        lambda: b"".join(b"X-%d: a\r\n" % number for number in range(100)) + b"\r\n",
        lambda: b"".join(b"X-%d: a\r\n" % number for number in range(100_000)) + b"\r\n",
    ],
    ids=["28 MB in one field", "a little too long", "101 fields", "100,000 fields"],
)
async def test_a_head_over_the_limits_is_431(serve_http: Any, make: Callable[[], bytes]) -> None:
    async with serve_http(Seen()) as served:
        assert refused(await served.answers(b"GET / HTTP/1.1\r\n" + HOST + make())) == (431, "HEAD_LIMIT_EXCEEDED")


async def test_a_target_over_the_limit_is_431_in_the_shape_of_its_surface(serve_http: Any) -> None:
    async with serve_http(Seen()) as served:
        answer = await served.answers(b"GET /v1/" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "head_limit_exceeded"


async def test_a_head_at_the_limits_is_served(serve_http: Any) -> None:
    app = Seen()
    fields = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 600) for number in range(98))
    async with serve_http(app) as served:
        await served.answers(b"GET / HTTP/1.1\r\n" + HOST + fields + b"Connection: close\r\n\r\n")
    assert len(app.scopes[0]["headers"]) == 100


async def test_trailers_do_not_become_headers(serve_http: Any) -> None:
    app = Seen()
    body = b"Connection: close\r\n\r\n2\r\nhi\r\n0\r\nAuthorization: Bearer x\r\nHost: evil\r\n\r\n"
    async with serve_http(app) as served:
        assert b"\r\n\r\nok" in await served.answers(CHUNKED + body)
    assert app.bodies == [b"hi"]
    assert {name for name, _ in app.scopes[0]["headers"]} == {b"host", b"transfer-encoding", b"connection"}


async def test_trailers_without_end_are_refused(serve_http: Any) -> None:
    trailers = b"".join(b"X-%d: a\r\n" % number for number in range(10_000))
    async with serve_http(Seen()) as served:
        assert refused(await served.answers(CHUNKED + b"\r\n2\r\nhi\r\n0\r\n" + trailers)) == (400, "HTTP_INVALID")


async def test_the_target_in_absolute_form_says_the_host(serve_http: Any) -> None:
    app = Seen()
    sent = b"GET http://real.example:8000/a?b=c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    async with serve_http(app) as served:
        await served.answers(sent)
    scope = app.scopes[0]
    assert (scope["path"], scope["query_string"]) == ("/a", b"b=c")
    assert [value for name, value in scope["headers"] if name == b"host"] == [b"real.example:8000"]


async def test_an_offer_of_http_2_is_left_alone_and_the_body_read(serve_http: Any) -> None:
    app = Seen()
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    last = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    async with serve_http(app) as served:
        answer = await served.answers(
            b"POST /first HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n" + offer + b"\r\nhi" + last
        )
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert ([scope["path"] for scope in app.scopes], app.bodies) == (["/first", "/last"], [b"hi", b""])


async def test_500_pipelined_requests_are_answered_in_order(serve_http: Any) -> None:
    app = Seen()
    sent = b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(500))
    async with serve_http(app) as served:
        answer = await served.answers(sent, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 OK") == 501
    assert [scope["path"] for scope in app.scopes] == [*(f"/{number}" for number in range(500)), "/"]


async def test_pipelined_bodies_are_told_apart(serve_http: Any) -> None:
    app = Seen()
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n\r\n\r\n\r\n0\r\n\r\n"
    plain = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + b"\r\n\r\n." * 20_000
    async with serve_http(app) as served:
        await served.answers((plain + chunked) * 3 + b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert app.bodies == [b"\r\n\r\n." * 20_000, b"\r\n\r\n"] * 3 + [b""]


async def test_only_a_few_requests_are_read_before_an_answer_is_there(serve_http: Any) -> None:
    app = Gated()
    async with serve_http(app, pipelined_requests=4) as served, served.connected() as (_, writer):
        writer.write(GET * 20_000)
        await until(lambda: app.begun == 1)
        connection = next(iter(served.open))
        await until(lambda: bool(connection.held))
        assert len(connection.pipeline) == 4
        assert connection.flow.read_paused
        app.gate.set()
        await until(lambda: app.begun > 1000)


async def test_what_comes_while_requests_wait_keeps_its_place(serve_http: Any) -> None:
    gate, seen = asyncio.Event(), Seen()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        await seen(scope, receive, send)

    last = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    async with serve_http(app, pipelined_requests=2) as served, served.connected() as (reader, writer):
        writer.write(b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(200)))
        connection = await first(served)
        await until(lambda: bool(connection.held))
        connection.data_received(last)  # as when an application that waits for its client to leave lets more be read
        gate.set()
        async with asyncio.timeout(HANG_SECONDS):
            await reader.read()
    assert [scope["path"] for scope in seen.scopes] == [*(f"/{number}" for number in range(200)), "/last"]


async def test_who_leaves_with_requests_waiting_is_missed_by_the_one_under_way(serve_http: Any) -> None:
    app = Gated()
    async with serve_http(app) as served, asyncio.timeout(HANG_SECONDS):
        async with served.connected() as (_, writer):
            writer.write(GET * 2)
            await until(lambda: app.begun == 1)
        await app.left.wait()
        assert app.begun == 1


async def test_a_refusal_waits_for_the_answers_before_it(serve_http: Any) -> None:
    app = Gated()
    async with serve_http(app) as served, served.connected() as (reader, writer), asyncio.timeout(HANG_SECONDS):
        writer.write(GET + b"nonsense\r\n\r\n")
        await until(lambda: app.begun == 1)
        app.gate.set()
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert refused(answer.partition(b"\r\n\r\nok")[2]) == (400, "HTTP_INVALID")


async def test_a_head_that_takes_too_long_is_408_however_steadily_it_comes(serve_http: Any) -> None:
    async with serve_http(Seen(), head_seconds=0.3) as served, served.connected() as (reader, writer):
        drip = asyncio.create_task(drop(writer, b"GET / HTTP/1.1\r\nHost: " + b"x" * 10_000))
        assert refused(await reader.read()) == (408, "REQUEST_TIMEOUT")
        drip.cancel()


async def test_a_connection_that_sends_nothing_is_closed(serve_http: Any) -> None:
    async with serve_http(Seen(), head_seconds=0.2) as served:
        assert await served.answers() == b""


async def test_a_kept_connection_is_closed_when_nothing_more_is_asked(serve_http: Any) -> None:
    async with serve_http(Seen(), keep_alive_seconds=0.2) as served:
        assert (await served.answers(GET)).endswith(b"ok")


async def test_a_body_that_comes_too_slowly_is_408(serve_http: Any) -> None:
    app = Seen()
    async with serve_http(app, body_seconds=0.3, body_rate=1000) as served, served.connected() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n")
        drip = asyncio.create_task(drop(writer, b"x" * 10_000))
        assert refused(await reader.read()) == (408, "REQUEST_TIMEOUT")
        drip.cancel()
    assert app.bodies == []


async def test_a_body_slower_than_its_time_but_fast_enough_is_read_to_its_end(serve_http: Any) -> None:
    app = Seen()
    loop = asyncio.get_running_loop()
    async with serve_http(app, body_seconds=1, body_rate=10) as served, served.connected() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60\r\nConnection: close\r\n\r\n")
        begun = loop.time()
        await drop(writer, b"x" * 60, pause=0.02)
        assert loop.time() - begun > 1
        assert (await reader.read()).endswith(b"ok")
    assert app.bodies == [b"x" * 60]


async def test_a_body_that_waits_for_us_has_time(serve_http: Any) -> None:
    go_on, seen = asyncio.Event(), Seen()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await go_on.wait()
        await seen(scope, receive, send)

    async with serve_http(app, body_seconds=1) as served, served.connected() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nConnection: close\r\n\r\n")
        writer.write(b"x" * 1_000_000)
        connection = await first(served)
        await until(lambda: connection.flow.read_paused)
        await asyncio.sleep(1.2)
        go_on.set()
        assert (await reader.read()).endswith(b"ok")
    assert seen.bodies == [b"x" * 1_000_000]


async def test_an_answer_before_the_end_of_a_large_body_arrives_and_ends_the_connection(serve_http: Any) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(OK)
        await send({"type": "http.response.body", "body": b"ok"})

    async with serve_http(app, linger_seconds=0.3) as served, served.connected() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 1_000_000)
        drip = asyncio.create_task(drop(writer, b"x" * 10_000))
        assert (await reader.read()).endswith(b"ok")
        drip.cancel()


async def test_above_the_cap_the_longest_idle_gives_way(serve_http: Any) -> None:
    async with serve_http(Seen(), cap=2) as served, served.connected() as first_one, served.connected() as second:
        for reader, writer in (first_one, second):
            writer.write(GET)
            await reader.readuntil(b"ok")
        assert (await served.answers(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))).endswith(b"ok")
        assert await first_one[0].read() == b""
        second[1].write(GET)
        assert await second[0].readuntil(b"ok")
        assert (served.connections.gave_way, served.connections.refused) == (1, 0)


async def test_above_the_cap_silent_connections_give_way(serve_http: Any) -> None:
    async with serve_http(Seen(), cap=1) as served, served.connected() as (reader, _):
        await until(lambda: bool(served.open))
        await asyncio.sleep(0.15)
        assert (await served.answers(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))).endswith(b"ok")
        assert await reader.read() == b""


async def test_above_the_cap_a_body_that_comes_too_slowly_gives_way(serve_http: Any) -> None:
    last = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    async with serve_http(Seen(), cap=1, body_seconds=30, body_rate=1000) as served, served.connected() as slow:
        slow[1].write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n")
        connection = await first(served)
        await until(lambda: connection.pace.is_slow)
        assert (await served.answers(last)).endswith(b"ok")
        assert refused(await slow[0].read()) == (408, "REQUEST_TIMEOUT")


async def test_above_the_cap_a_body_that_was_slow_and_has_come_stays(serve_http: Any) -> None:
    gate, seen = asyncio.Event(), Seen()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        await seen(scope, receive, send)

    async with serve_http(app, cap=1, body_seconds=30, body_rate=1000) as served, served.connected() as slow:
        slow[1].write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
        connection = await first(served)
        await until(lambda: connection.pace.is_slow)
        slow[1].write(b"0123456789")
        await until(lambda: not connection.reading_body)
        assert refused(await served.answers()) == (503, "CONNECTION_LIMIT_EXCEEDED")
        gate.set()
        assert (await slow[0].readuntil(b"ok")).startswith(b"HTTP/1.1 200 OK")


async def test_above_the_cap_requests_under_way_stay_and_new_connections_are_told(serve_http: Any) -> None:
    app = Gated()
    async with serve_http(app, cap=1) as served, served.connected() as (reader, writer), asyncio.timeout(HANG_SECONDS):
        writer.write(GET)
        await until(lambda: app.begun == 1)
        answer = await served.answers()
        assert refused(answer) == (503, "CONNECTION_LIMIT_EXCEEDED")
        assert b"retry-after: 1" in answer
        app.gate.set()
        assert await reader.readuntil(b"ok")
        assert served.connections.refused == 1


async def drop(writer: asyncio.StreamWriter, data: bytes, *, pause: float = 0.002) -> None:
    """Send byte by byte, 500 a second at most."""
    for byte in data:
        writer.write(bytes([byte]))
        await asyncio.sleep(pause)


async def first(served: Any) -> Any:
    """The protocol of the only connection, once it is there."""
    await until(lambda: bool(served.open))
    return next(iter(served.open))
