"""The client that asks vendors, against raw servers that write what they like, in pieces as they like."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from llm_service.providers.connection_room import AllInUse
from llm_service.providers.http_client import ConnectFailed, ConnectionCut, HttpClient, HttpError, HttpResponse
from penstock_testkit.servers.process import free_port
from penstock_testkit.waiting import HANG_SECONDS

Write = Callable[[asyncio.StreamWriter], Awaitable[None]]
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\nTrailer: late\r\n\r\n"
)


class RawServer:
    """Answers every request with what it is given to write; remembers the requests and the connections."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self.requests: list[bytes] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.closed = asyncio.Event()
        self.url = ""

    @property
    def connections(self) -> int:
        return len(self.writers)

    async def close(self) -> None:
        for writer in self.writers:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in self.writers), return_exceptions=True)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(length))
                await self._write(writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.closed.set()
        finally:
            writer.close()


class PausableTransport(asyncio.Transport):
    """Knows whether it is read from."""

    def __init__(self) -> None:
        super().__init__()
        self.is_paused = False

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False


@asynccontextmanager
async def server_that(write: Write) -> AsyncGenerator[RawServer]:
    raw = RawServer(write)
    server = await asyncio.start_server(raw.serve, "127.0.0.1", 0)
    raw.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/chat?x=1"
    async with server:
        yield raw
        await raw.close()


def writes(*pieces: bytes) -> Write:
    async def write(writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)

    return write


async def closes_after(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()
    writer.close()


@pytest.fixture
async def client() -> AsyncGenerator[HttpClient]:
    made = HttpClient(headers={"authorization": "Bearer sk-1", "content-type": "application/json"}, connect_timeout=60)
    yield made
    await made.close()


async def body_of(response: HttpResponse) -> bytes:
    body = b""
    while piece := await response.read_some():
        body += piece
    return body


async def test_a_request_carries_its_fields_and_body(client: HttpClient) -> None:
    async with server_that(writes(ANSWER)) as server, client.post(server.url, b'{"a":1}', {"x-own": "1"}) as response:
        assert (response.status, response.content_type) == (200, "application/json")
        assert response.headers["content-LENGTH"] == "2"
        assert await body_of(response) == b"{}"
        (sent,) = server.requests
    head, body = sent.split(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /v1/chat?x=1 HTTP/1.1"
    assert {b"authorization: Bearer sk-1", b"x-own: 1", b"content-length: 7"} <= set(lines)
    assert body == b'{"a":1}'


@pytest.mark.parametrize("answer", [ANSWER, CHUNKED], ids=["length", "chunked"])
async def test_an_answer_may_come_in_any_pieces(client: HttpClient, answer: bytes) -> None:
    expected = b"{}" if answer is ANSWER else b"hello, world"
    for cut in range(1, len(answer)):
        async with server_that(writes(answer[:cut], answer[cut:])) as server, client.post(server.url, b"") as response:
            assert await body_of(response) == expected
    byte_by_byte = writes(*(answer[at : at + 1] for at in range(len(answer))))
    async with server_that(byte_by_byte) as server, client.post(server.url, b"") as response:
        assert await body_of(response) == expected


async def test_a_connection_is_kept_and_used_again(client: HttpClient) -> None:
    async with server_that(writes(ANSWER)) as server:
        for _ in range(5):
            async with client.post(server.url, b"") as response:
                assert await body_of(response) == b"{}"
        assert server.connections == 1
        async with AsyncExitStack() as stack:
            for _ in range(3):
                await stack.enter_async_context(client.post(server.url, b""))
        assert server.connections == 3


async def test_a_connection_that_the_server_closes_is_not_used_again(client: HttpClient) -> None:
    closing = ANSWER.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    async with server_that(writes(closing)) as server:
        for _ in range(3):
            async with client.post(server.url, b"") as response:
                assert await body_of(response) == b"{}"
        assert server.connections == 3


async def test_a_body_without_a_length_ends_with_the_connection(client: HttpClient) -> None:
    async def write(writer: asyncio.StreamWriter) -> None:
        await closes_after(writer, b"HTTP/1.1 200 OK\r\n\r\nall there is")

    async with server_that(write) as server, client.post(server.url, b"") as response:
        assert await body_of(response) == b"all there is"


@pytest.mark.parametrize("kept", [0, 10, len(ANSWER) - 1, len(CHUNKED) - 3])
async def test_an_answer_that_breaks_off_is_cut(client: HttpClient, kept: int) -> None:
    answer = CHUNKED if kept == len(CHUNKED) - 3 else ANSWER

    async def write(writer: asyncio.StreamWriter) -> None:
        await closes_after(writer, answer[:kept])

    async with server_that(write) as server:
        with pytest.raises(ConnectionCut):
            async with client.post(server.url, b"") as response:
                await body_of(response)


async def test_a_continue_before_the_answer_is_not_the_answer(client: HttpClient) -> None:
    async with (
        server_that(writes(b"HTTP/1.1 100 Continue\r\n\r\n", ANSWER)) as server,
        client.post(server.url, b"") as response,
    ):
        assert (response.status, await body_of(response)) == (200, b"{}")


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>no</html>\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
    ],
    ids=["html", "upgrade", "length", "endless head"],
)
async def test_what_is_no_http_answer_is_refused(client: HttpClient, answer: bytes) -> None:
    async with server_that(writes(answer)) as server:
        with pytest.raises(HttpError) as caught:
            async with client.post(server.url, b"") as response:
                await body_of(response)
    assert not isinstance(caught.value, ConnectFailed)


async def test_an_answer_to_nothing_ends_the_connection(client: HttpClient) -> None:
    async with server_that(writes(ANSWER + ANSWER)) as server:
        for _ in range(2):
            async with client.post(server.url, b"") as response:
                assert await body_of(response) == b"{}"
        assert server.connections == 2


async def test_leaving_early_closes_the_connection(client: HttpClient) -> None:
    async with server_that(writes(CHUNKED[:60])) as server:
        async with client.post(server.url, b"") as response:
            assert await response.read_some()
        async with asyncio.timeout(HANG_SECONDS):
            await server.closed.wait()


async def test_a_cancelled_call_closes_the_connection(client: HttpClient) -> None:
    asked = asyncio.Event()

    async def silent(writer: asyncio.StreamWriter) -> None:
        asked.set()

    async with server_that(silent) as server:

        async def ask() -> None:
            async with client.post(server.url, b""):
                pass

        call = asyncio.create_task(ask())
        await asked.wait()
        call.cancel()
        async with asyncio.timeout(HANG_SECONDS):
            await server.closed.wait()


async def test_a_reader_that_takes_nothing_stops_the_sender(client: HttpClient) -> None:
    written = 0

    async def flood(writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 40000000\r\n\r\n")
        for _ in range(400):
            writer.write(b"x" * 100_000)
            await writer.drain()
            written += 100_000

    async with server_that(flood) as server, client.post(server.url, b"") as response:
        assert await response.read_some()
        before = -1
        while before != written:
            before = written
            await asyncio.sleep(0.05)
        assert written < 30_000_000, "no more waits than fits into the kernel's buffers"
        rest = 0
        while piece := await response.read_some():
            rest += len(piece)
        assert rest > 39_000_000


def test_an_answer_that_is_whole_while_reading_is_paused_lets_the_connection_be_read_again() -> None:
    transport = PausableTransport()
    response = HttpResponse(200, [])
    response.feed(b"x" * 300_000, transport)
    assert transport.is_paused
    response.end()
    assert len(asyncio.run(body_of(response))) == 300_000
    assert not transport.is_paused


async def test_a_server_that_is_not_there_is_told_apart(client: HttpClient) -> None:
    with pytest.raises(ConnectFailed):
        async with client.post(f"http://127.0.0.1:{free_port()}/", b""):
            pass


async def test_no_connection_in_time_is_no_connection() -> None:
    client = HttpClient(headers={}, connect_timeout=0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(ConnectFailed, match=r"0\.05 s"):
        # The server never begins the TLS handshake.
        async with client.post(f"https://127.0.0.1:{silent.getsockname()[1]}/", b""):
            pass


@pytest.mark.parametrize("url", ["ftp://host/", "http:///path", "http://host/a b", "http://host/ü"])
def test_a_url_that_can_not_be_asked_is_refused(client: HttpClient, url: str) -> None:
    with pytest.raises(ValueError, match=r"URL|characters"):
        client.post(url, b"")


def test_a_header_can_not_break_the_line(client: HttpClient) -> None:
    with pytest.raises(ValueError, match="line break"):
        client.post("http://host/", b"", {"x": "a\r\nb: c"})


async def test_a_request_that_finds_all_connections_in_use_waits_for_one_and_fails_when_none_is_free_in_time() -> None:
    async with server_that(writes(ANSWER)) as server:
        client = HttpClient(headers={}, connect_timeout=60, connections=1, pool_timeout=0.05)
        async with client.post(server.url, b""):
            with pytest.raises(AllInUse, match=r"all of its connections were in use for 0\.05 s"):
                await client.post(server.url, b"").__aenter__()
        async with client.post(server.url, b"") as response:
            assert await body_of(response) == b"{}"
        await client.close()
