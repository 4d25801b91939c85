"""The commands that ask a gateway, sent to a program that is none but speaks JSON too."""

import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from penstock_cli import key
from penstock_cli.chat.conversation import Conversation, Wishes
from penstock_cli.failure import CommandFailed
from penstock_cli.route import explain
from penstock_cli.settings import CliSettings

Serve = Callable[[object], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server that answers everything with the same JSON; returns its URL."""
    servers: list[ThreadingHTTPServer] = []

    def start(body: object) -> str:
        data = json.dumps(body).encode()

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self) -> None:
                self.answer()

            def do_POST(self) -> None:
                self.answer()

            def do_DELETE(self) -> None:
                self.answer()

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def ask(settings: CliSettings) -> int:
    conversation = Conversation(settings, Wishes())
    try:
        return len(list(conversation.ask("hello")))
    finally:
        conversation.close()


@pytest.mark.parametrize(
    ("command", "body"),
    [
        (partial(key.show, as_json=False), []),
        (partial(key.show, as_json=True), {"keys": [{"kid": "a"}]}),
        (partial(key.show, as_json=False), {"keys": [1]}),
        (partial(key.create, name="ci", scopes=(), days=None, as_json=False), {"id": "1"}),
        (partial(key.rotate, key_id="k", grace_hours=1, as_json=False), {"hello": 1}),
        (partial(key.revoke, key_id="k"), {"hello": 1}),
        (partial(explain, model="auto", policy="", as_json=False), {"policy": "", "alias": "", "candidates": [{}]}),
        (partial(explain, model="auto", policy="", as_json=False), {"candidates": []}),
        (ask, ["conv_1"]),
    ],
)
def test_an_answer_of_another_program_is_named_as_such(
    serve: Serve, capsys: pytest.CaptureFixture[str], command: Callable[[CliSettings], int], body: object
) -> None:
    url = serve(body)
    with pytest.raises(CommandFailed, match=f"this is not Penstock: .*{url} answers.*; correct PENSTOCK_URL") as caught:
        command(CliSettings(values={"PENSTOCK_URL": url, "PENSTOCK_API_KEY": "psk_test_0123456789"}))
    assert caught.value.exit_code == 3
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "")  # above all not that a key is revoked
