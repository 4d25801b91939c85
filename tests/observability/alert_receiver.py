"""Takes alerts as Alertmanager does: `POST /api/v2/alerts`."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class AlertReceiver:
    """What Prometheus posts, by the name of the alert; on a free port until it is stopped."""

    def __init__(self) -> None:
        self.received: dict[str, dict[str, Any]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        received = self.received

        class Handler(BaseHTTPRequestHandler):
            """Keeps the alerts of a post."""

            def do_POST(self) -> None:
                """Take alerts in."""
                alerts = json.loads(self.rfile.read(int(self.headers["content-length"])))
                known = self.path == "/api/v2/alerts"
                if known:
                    received.update({alert["labels"]["alertname"]: alert for alert in alerts})
                self.send_response(200 if known else 404)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Print nothing."""

        return Handler
