"""A client that is given a key or an address that is none, or meets a portal where the gateway should be."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from penstock_client import ConnectionFailedError, OfflineQueue, Penstock, PenstockError

Portal = Callable[[int], AbstractContextManager[str]]


@pytest.fixture
def portal() -> Portal:
    """Something else at the gateway's address: it answers everything with a page of the status."""

    @contextmanager
    def serve(status: int) -> Iterator[str]:
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                page = b"<html>log in to the network</html>"
                self.send_response(status)
                self.send_header("content-type", "text/html; charset=utf-8")
                self.send_header("location", "https://portal.example/")
                self.send_header("content-length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            do_POST = do_GET  # noqa: N815 - the name that the server's library wants

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    return serve


@pytest.mark.parametrize("key", ["psk_secret\nof-two-lines", "psk_secret of two words", "psk_secret\u0416"])
def test_a_key_that_no_header_carries_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ValueError, match="give the key alone") as caught:
        Penstock("http://127.0.0.1:1", api_key=key)
    assert "secret" not in str(caught.value)


def test_a_key_is_taken_as_its_file_has_it_with_a_line_break_at_its_end(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with portal(404) as url:
        for key in ("psk_1\n", " psk_1\r\n"):
            with Penstock(url, api_key=key) as client, pytest.raises(PenstockError, match="HTTP 404"):
                client.devices.list()
        monkeypatch.setenv("PENSTOCK_API_KEY", "psk_1\n")
        with Penstock(url) as client, pytest.raises(PenstockError, match="HTTP 404"):
            client.devices.list()


def test_a_web_page_is_no_answer_and_a_redirect_is_told_with_its_goal(portal: Portal) -> None:
    page = pytest.raises(ConnectionFailedError, match="is a web page, no gateway's answer")
    with portal(200) as url, Penstock(url) as client, page:
        client.devices.list()
    redirect = pytest.raises(PenstockError, match=r"redirects to 'https://portal\.example/'")
    with portal(302) as url, Penstock(url) as client, redirect:
        client.devices.list()


@pytest.mark.parametrize("status", [200, 302, 403, 404, 405, 511])
@pytest.mark.parametrize("conversation", ["", "conv_1"])
def test_no_portal_in_the_place_of_the_gateway_sets_a_message_aside(
    tmp_path: Path, portal: Portal, status: int, conversation: str
) -> None:
    queue = OfflineQueue(tmp_path / "queue", encryption_key=bytes(32))
    queue.add(conversation, "hi", patience=0.0)
    with portal(status) as url, Penstock(url, max_retries=0) as client:
        report = queue.flush(client)
    assert report.stopped_by
    assert (report.sent, report.left, queue.refused()) == (0, 1, [])
