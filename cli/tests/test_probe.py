import asyncio
import http.server
import socket
import threading
from collections.abc import Iterator

import pytest

from penstock_cli.supervisor.probe import grpc_serving, http_ready
from penstock_kit.grpc import GrpcServer
from penstock_testkit.servers.process import free_port


async def test_a_serving_grpc_server_is_healthy_and_a_draining_one_is_not() -> None:
    server = GrpcServer(service="probed")
    port = await server.start(0)
    assert await asyncio.to_thread(grpc_serving, "127.0.0.1", port)
    await server.set_serving(serving=False)
    assert not await asyncio.to_thread(grpc_serving, "127.0.0.1", port)
    await server.drain()
    assert not await asyncio.to_thread(grpc_serving, "127.0.0.1", port)


@pytest.fixture
def web() -> Iterator[int]:
    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/ready" else 503)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def test_only_a_200_is_ready(web: int) -> None:
    assert http_ready("127.0.0.1", web)
    assert not http_ready("127.0.0.1", web, "/elsewhere")


def test_what_speaks_http_1_is_no_grpc_server(web: int) -> None:
    assert not grpc_serving("127.0.0.1", web)


def test_nobody_there_is_not_ready() -> None:
    port = free_port()
    assert not grpc_serving("127.0.0.1", port)
    assert not http_ready("127.0.0.1", port)


class _Version6(http.server.HTTPServer):
    address_family = socket.AF_INET6


async def test_an_ipv6_address_is_asked_in_brackets_as_http_wants_it() -> None:
    """The gateway answers 400 to any other, and `up` waited for it for ever."""
    asked: list[str | None] = []

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers["Host"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with _Version6(("::1", 0), Answers) as server:
        answering = asyncio.create_task(asyncio.to_thread(server.handle_request))
        assert await asyncio.to_thread(http_ready, "::1", server.server_port)
        await answering
        assert asked == [f"[::1]:{server.server_port}"]
