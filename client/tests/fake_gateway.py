"""A gateway for the client's tests: it keeps to the wire format of questions and answers, and fails on demand."""

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question that was taken."""

    conversation: str
    content: str
    key: str
    on_busy: str = ""


class FakeGateway:
    """Answers every question with "yes". `hold` is cleared to let answers wait; `arrived` says that one does."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.stored: list[str] = []
        self.created: list[str] = []
        self.cut_after_asking = 0
        self.hold, self.arrived = threading.Event(), threading.Event()
        self.hold.set()
        self._refused: dict[str, tuple[int, str]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._stopped = False

    def __enter__(self) -> "FakeGateway":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.hold.set()
        self.stop()

    def stop(self) -> None:
        if not self._stopped:
            self._stopped = True
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    def refuse(self, content: str, status: int, *, retry_after: str = "") -> None:
        self._refused[content] = (status, retry_after)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])) or b"{}")
                key = self.headers.get("idempotency-key", "")
                if self.path == "/api/v1/conversations":
                    gateway.created.append(key)
                    return self._json(201, {"id": "conv_new"})
                return self._ask(self.path.split("/")[4], body, key)

            def _ask(self, conversation: str, body: dict[str, Any], key: str) -> None:
                content = str(body["content"])
                status, retry_after = gateway._refused.get(content, (0, ""))
                if status:
                    problem = {"detail": f"no {content}", "reason": "TEST"}
                    return self._json(status, problem, {"retry-after": retry_after} if retry_after else {})
                busy = str(body.get("on_busy", ""))
                gateway.asked.append(Asked(conversation=conversation, content=content, key=key, on_busy=busy))
                if key not in gateway.stored:
                    gateway.stored.append(key)
                gateway.arrived.set()
                gateway.hold.wait(60)
                if gateway.cut_after_asking:
                    gateway.cut_after_asking -= 1
                    self.close_connection = True
                    return None
                return self._events(key)

            def _events(self, key: str) -> None:
                common = {"stream_id": f"strm_{key}", "create_time": "2026-01-01T00:00:00Z", "conversation_id": "c"}
                chunk = {"type": "message_chunk", "sequence": 1, "content": "yes", **common}
                state = {"type": "complete_state", "sequence": 2, "status": "completed", "content": "yes", **common}
                events = "".join(f"id: {e['sequence']}\ndata: {json.dumps(e)}\n\n" for e in (chunk, state)).encode()
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("content-length", str(len(events)))
                self.end_headers()
                self.wfile.write(events)

            def _json(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(text)))
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

        return Handler
