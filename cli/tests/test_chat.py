"""``penstock chat`` and ``penstock key`` against a small gateway of the test's own."""

import base64
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from penstock_cli import key
from penstock_cli.chat.command import chat
from penstock_cli.chat.conversation import Conversation, Wishes
from penstock_cli.chat.event import Event
from penstock_cli.chat.picture import read_pictures
from penstock_cli.chat.screen import Screen
from penstock_cli.failure import CommandFailed
from penstock_cli.settings import CliSettings
from penstock_testkit.servers.process import free_port
from penstock_testkit.waiting import HANG_SECONDS

KEY = "psk_test_0123456789"


class Gateway:
    """Answers as told by `streams`: for each request for events, what it sends; None breaks the connection off."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, Any]] = []
        self.resumed_after: list[str] = []
        self.streams: list[Callable[[Any], None]] = []
        self.stopped = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.answer(self)

            def do_POST(self) -> None:
                outer.answer(self)

            def do_DELETE(self) -> None:
                outer.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        size = int(handler.headers.get("Content-Length") or 0)
        body = json.loads(handler.rfile.read(size)) if size else None
        self.requests.append((handler.command, handler.path, body))
        if handler.headers.get("Last-Event-ID"):
            self.resumed_after.append(handler.headers["Last-Event-ID"])
        if handler.headers.get("Authorization") != f"Bearer {KEY}":
            send(handler, 401, {"title": "Not authenticated", "detail": "the API key is unknown"})
        elif handler.path == "/api/v1/conversations":
            send(handler, 200, {"id": "conv_1"})
        elif handler.path.endswith("/stop"):
            self.stopped.set()
            send(handler, 200, {"stopped": True})
        elif handler.path.startswith("/api/v1/keys"):
            self.keys(handler)
        else:
            self.streams.pop(0)(handler)

    def keys(self, handler: BaseHTTPRequestHandler) -> None:
        made = {"id": "key_1", "name": "ci", "prefix": "psk_abc", "user_id": "u1", "scopes": ["chat"]}
        if handler.command == "DELETE":
            handler.send_response(204)
            handler.end_headers()
        elif handler.command == "POST":
            send(handler, 201, {**made, "key": "psk_abc_secret"})
        else:
            send(handler, 200, {"keys": [{**made, "expire_time": None}]})


def send(handler: BaseHTTPRequestHandler, status: int, body: Any) -> None:
    data = json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/problem+json" if status >= 400 else "application/json")
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def event(sequence: int, kind: str, **fields: Any) -> bytes:
    data = {"type": kind, "stream_id": "strm_1", "sequence": sequence, **fields}
    return f"id: {sequence}\nevent: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def streaming(*parts: bytes, then: Callable[[], Any] | None = None, tail: bytes = b"") -> Callable[[Any], None]:
    """Send `parts`, wait for `then`, send `tail`, and break the connection off without the closing chunk."""

    def send_parts(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream; charset=utf-8")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for part in parts:
            chunk(handler, part)
        if then is not None:
            then()
        if tail:
            chunk(handler, tail)
        handler.close_connection = True

    return send_parts


def chunk(handler: BaseHTTPRequestHandler, part: bytes) -> None:
    handler.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
    handler.wfile.flush()


DONE = event(
    9,
    "complete_state",
    status="completed",
    content="It is 117.6 A.",
    model="fallback/rules",
    usage={"total_tokens": 42},
    cost={"amount": "0.0012", "currency": "USD"},
)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    served = Gateway()
    yield served
    served.close()


def settings_for(gateway: Gateway, **values: str) -> CliSettings:
    return CliSettings(values={"PENSTOCK_URL": gateway.url, "PENSTOCK_API_KEY": KEY, **values})


def ask(gateway: Gateway, question: str = "How much?", **options: Any) -> int:
    return chat(settings_for(gateway), question, wishes=options.pop("wishes", Wishes()), **options)


def test_the_answer_is_on_standard_output_and_the_rest_beside_it(gateway: Gateway, capsys: Any) -> None:
    gateway.streams = [
        streaming(
            event(1, "tool_call", name="device_statistics", arguments={"device_code": "WLD001", "名": "电流"}),
            b": ka\n",
            event(2, "tool_result", name="device_statistics", content='{"mean": 117.6}', is_error=False),
            event(3, "message_chunk", content="It is "),
            event(4, "message_chunk", content="117.6 A."),
            DONE,
        )
    ]
    assert ask(gateway) == 0
    output = capsys.readouterr()
    assert output.out == "It is 117.6 A.\n"
    assert output.err.splitlines() == [
        '→ device_statistics(device_code="WLD001", 名="电流")',
        '← {"mean": 117.6}',
        "· fallback/rules · 42 tokens · 0.0012 USD",
    ]


def test_the_request_says_what_is_wanted(gateway: Gateway) -> None:
    gateway.streams = [streaming(DONE)]
    ask(gateway, "Hi 你好", wishes=Wishes(model="openai/gpt-5", use_tools=False), conversation_id="conv_7")
    ((method, path, body),) = gateway.requests
    assert (method, path) == ("POST", "/api/v1/conversations/conv_7/stream")
    asked = {"content": "Hi 你好", "use_tools": False, "on_disconnect": "cancel", "model": "openai/gpt-5"}
    assert {name: value for name, value in body.items() if value is not None} == {**asked, "on_busy": "refuse"}


def test_a_broken_connection_is_continued_where_it_broke(gateway: Gateway, capsys: Any) -> None:
    gateway.streams = [
        streaming(event(1, "message_chunk", content="It is ")),
        streaming(event(2, "message_chunk", content="117.6 A."), DONE),
    ]
    assert ask(gateway) == 0
    assert capsys.readouterr().out == "It is 117.6 A.\n"
    assert gateway.requests[-1][:2] == ("GET", "/api/v1/streams/strm_1/events")
    assert gateway.resumed_after == ["1"]


def test_a_snapshot_after_a_trimmed_log_adds_only_what_was_not_said(gateway: Gateway, capsys: Any) -> None:
    gateway.streams = [
        streaming(event(1, "message_chunk", content="It ")),
        streaming(
            event(5, "complete_state", status="running", content="It is 117"),
            event(6, "message_chunk", content=".6 A."),
            DONE,
        ),
    ]
    assert ask(gateway) == 0
    assert capsys.readouterr().out == "It is 117.6 A.\n"


def test_a_stream_that_never_comes_back_is_an_error(gateway: Gateway) -> None:
    gateway.streams = [streaming(event(1, "message_chunk", content="It ")), *[streaming() for _ in range(100)]]
    conversation = Conversation(settings_for(gateway), Wishes(), patience=0.2)
    with pytest.raises(CommandFailed, match="could not be continued") as failed:
        list(conversation.ask("How much?"))
    conversation.close()
    assert failed.value.exit_code == 3


def test_an_error_event_is_shown_and_is_the_exit_code(gateway: Gateway, capsys: Any) -> None:
    gateway.streams = [
        streaming(
            event(1, "message_chunk", content="It"),
            event(2, "error", code="UNAVAILABLE", reason="PROVIDER_DOWN", message="no model answers", retryable=True),
        )
    ]
    assert ask(gateway) == 1
    output = capsys.readouterr()
    assert output.out == "It\n"
    assert "error: no model answers (PROVIDER_DOWN)" in output.err


def test_json_prints_the_events_as_they_are(gateway: Gateway, capsys: Any) -> None:
    gateway.streams = [streaming(event(1, "thinking", content="嗯"), DONE)]
    assert ask(gateway, as_json=True) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["type"] for line in lines] == ["thinking", "complete_state"]
    assert lines[0]["content"] == "嗯"


def test_a_wrong_key_says_where_it_came_from(gateway: Gateway, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="PENSTOCK_API_KEY is not accepted") as refused:
        chat(settings_for(gateway, PENSTOCK_API_KEY="psk_wrong"), "Hi", wishes=Wishes())
    assert refused.value.exit_code == 4
    (tmp_path / "admin.key").write_text("psk_old\n")
    settings = CliSettings(values={"PENSTOCK_URL": gateway.url, "PENSTOCK_HOME": str(tmp_path)})
    with pytest.raises(CommandFailed, match=r"admin\.key is not accepted"):
        chat(settings, "Hi", wishes=Wishes())
    (tmp_path / "admin.key").unlink()
    with pytest.raises(CommandFailed, match="no API key: set PENSTOCK_API_KEY"):
        chat(settings, "Hi", wishes=Wishes())


def test_an_absent_gateway_says_how_to_start_it() -> None:
    settings = CliSettings(values={"PENSTOCK_URL": f"http://127.0.0.1:{free_port()}", "PENSTOCK_API_KEY": KEY})
    with pytest.raises(CommandFailed, match="penstock up") as failed:
        chat(settings, "Hi", wishes=Wishes())
    assert failed.value.exit_code == 3


def test_a_question_may_come_through_a_pipe(gateway: Gateway) -> None:
    gateway.streams = [streaming(DONE)]
    outcome = subprocess.run(
        [sys.executable, "-m", "penstock_cli", "chat"],
        input="How much?\n",
        env={"PATH": os.environ["PATH"], "PENSTOCK_URL": gateway.url, "PENSTOCK_API_KEY": KEY},
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert (outcome.returncode, outcome.stdout) == (0, "It is 117.6 A.\n")
    assert gateway.requests[1][2]["content"] == "How much?"


def piped(gateway: Gateway, text: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "penstock_cli", "chat"],
        input=text,
        env={"PATH": os.environ["PATH"], "PENSTOCK_URL": gateway.url, "PENSTOCK_API_KEY": KEY},
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )


def test_each_line_of_a_pipe_is_a_question_of_one_conversation(gateway: Gateway) -> None:
    gateway.streams = [streaming(DONE), streaming(DONE)]
    outcome = piped(gateway, "How much?\n\n  And yesterday?")
    assert (outcome.returncode, outcome.stdout) == (0, "It is 117.6 A.\n" * 2)
    questions = [(path, body["content"]) for _, path, body in gateway.requests if path.endswith("/stream")]
    path = "/api/v1/conversations/conv_1/stream"
    assert questions == [(path, "How much?"), (path, "And yesterday?")]


def test_a_line_that_could_not_be_answered_is_the_exit_code_and_the_next_is_asked(gateway: Gateway) -> None:
    failed = event(1, "error", code=503, reason="PROVIDER_UNAVAILABLE", message="no provider", retryable=True)
    gateway.streams = [streaming(failed), streaming(DONE)]
    outcome = piped(gateway, "How much?\nHow many?\n")
    assert (outcome.returncode, outcome.stdout) == (1, "It is 117.6 A.\n")


def test_a_pipe_without_a_question_says_what_to_do(gateway: Gateway) -> None:
    outcome = piped(gateway, "\n \n")
    assert outcome.returncode == 2
    assert "nothing to ask: give a question" in outcome.stderr


def test_ctrl_c_stops_the_answer_on_the_server_and_keeps_what_was_said(gateway: Gateway) -> None:
    stopped = event(2, "complete_state", status="stopped", content="It is", model="m")
    gateway.streams = [
        streaming(event(1, "message_chunk", content="It is"), then=lambda: gateway.stopped.wait(15), tail=stopped)
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "penstock_cli", "chat", "Count to a million"],
        env={"PATH": os.environ["PATH"], "PENSTOCK_URL": gateway.url, "PENSTOCK_API_KEY": KEY},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    )
    assert process.stdout is not None
    assert process.stdout.read(5) == b"It is"
    process.send_signal(signal.SIGINT)
    output, notes = process.communicate(timeout=HANG_SECONDS)
    assert process.returncode == 130
    assert output == b"\n"
    assert b"stopped" in notes
    assert ("POST", "/api/v1/streams/strm_1/stop") in [request[:2] for request in gateway.requests]


def test_a_new_key_is_the_only_thing_on_standard_output(gateway: Gateway, capsys: Any) -> None:
    assert key.create(settings_for(gateway), "ci", scopes=["chat"], days=3, as_json=False) == 0
    assert capsys.readouterr().out == "psk_abc_secret\n"
    body = gateway.requests[0][2]
    assert (body["name"], body["scopes"]) == ("ci", ["chat"])
    assert body["expire_time"].endswith("+00:00")


def penstock(gateway: Gateway, *command: str) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ["PATH"], "PENSTOCK_URL": gateway.url, "PENSTOCK_API_KEY": KEY}
    return subprocess.run(
        [sys.executable, "-m", "penstock_cli", *command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )


def test_a_key_is_made_with_the_limits_of_the_command_line(gateway: Gateway) -> None:
    command = ["key", "create", "ci", "--models", "openai/*,fast", "--models", "qwen/max", "--rpm", "30"]
    command += ["--tpm", "9000", "--budget", "2.50", "--budget-period", "day"]
    assert penstock(gateway, *command).returncode == 0
    body = gateway.requests[0][2]
    assert body["policy"] == {
        "allowed_models": ["openai/*", "fast", "qwen/max"], "requests_per_minute": 30, "tokens_per_minute": 9000,
    }  # fmt: skip
    assert body["budget"] == {"limit": "2.50", "period": "day"}


def test_a_key_without_limits_asks_for_none(gateway: Gateway) -> None:
    assert penstock(gateway, "key", "create", "ci").returncode == 0
    assert gateway.requests[0][2] == {"name": "ci", "scopes": []}


def test_keys_are_listed_and_revoked(gateway: Gateway, capsys: Any) -> None:
    assert key.show(settings_for(gateway), as_json=False) == 0
    assert capsys.readouterr().out.splitlines() == [
        "id     name  begins   user  scopes  expires",
        "key_1  ci    psk_abc  u1    chat    never",
    ]
    assert key.revoke(settings_for(gateway), "key_1") == 0
    assert gateway.requests[-1][:2] == ("DELETE", "/api/v1/keys/key_1")


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_devices_words_do_not_steer_the_terminal_and_a_pipe_gets_them_as_they_are() -> None:
    said = "The field \x1b]0;pwned\x07temp"
    for file, shown in ((_Terminal(), "The field ]0;pwnedtemp"), (io.StringIO(), said)):
        notes = _Terminal()
        screen = Screen(answer=file, notes=notes, colour=False)
        for each in ({"content": said[:11]}, {"content": said[11:]}):
            screen.show(Event(kind="message_chunk", sequence=1, fields=each))
        screen.note("tool \x1b[2Jcall")
        assert file.getvalue().rstrip("\n") == shown
        assert notes.getvalue() == "tool [2Jcall\n"


def test_pictures_go_along_with_the_first_question_alone(gateway: Gateway, tmp_path: Path) -> None:
    files = [tmp_path / "a.png", tmp_path / "b.jpg"]
    for file in files:
        file.write_bytes(file.name.encode())
    gateway.streams = [streaming(DONE), streaming(DONE)]
    conversation = Conversation(settings_for(gateway), Wishes(pictures=read_pictures(files)))
    for question in ("What is it?", "And now?"):
        assert [event.kind for event in conversation.ask(question)] == ["complete_state"]
    conversation.close()
    sent = [body.get("pictures") for _, path, body in gateway.requests if path.endswith("/stream")]
    assert sent == [[{"data": base64.b64encode(file.name.encode()).decode()} for file in files], None]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["a", "a", "a", "a", "a"], "at most 4 pictures, not 5"),
        (["missing"], "missing is no file"),
        (["."], "is no file"),
        (["empty"], "empty is empty"),
        (["large"], "large is 4.0 MiB; a picture has at most 3 MiB"),
    ],
)
def test_a_picture_that_cannot_be_sent_is_refused_before_anything_is_asked(
    tmp_path: Path, files: list[str], said: str
) -> None:
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "empty").touch()
    (tmp_path / "large").write_bytes(bytes(4 * 1024 * 1024))
    with pytest.raises(CommandFailed, match=re.escape(said)) as caught:
        read_pictures([tmp_path / file for file in files])
    assert caught.value.exit_code == 2
