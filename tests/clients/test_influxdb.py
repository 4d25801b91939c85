"""InfluxDB's official clients against a running system: directly, and through a server that is away at first.

Skipped where `make test-clients` has not made their environment.
"""

import json
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from penstock_testkit.system import RunningSystem
from penstock_testkit.waiting import HANG_SECONDS
from tests.clients.test_clients import OTHER, PROGRAMS, installed

EXPECTED: dict[str, Any] = {
    "batching": {"failures": [], "whole": True},
    "batching_3": {"whole": True},
    "synchronous": {"ping": True, "note": ['a "b"\\\nc, d=e']},
    "partial": {"told": True, "stored": 9},
    "version_3": {"values": True},
    "version_3_own_path": {"values": True, "refused": [[4], [4]]},
    "version_1": {"ping": True, "databases": 1, "values": [1.5]},
}


class AwayAtFirst(BaseHTTPRequestHandler):
    """Answers the first three writes with 503, and passes everything else on."""

    target: ClassVar[str] = ""
    refusals: ClassVar[list[str]] = []
    lock: ClassVar[threading.Lock] = threading.Lock()

    def do_GET(self) -> None:
        """Pass it on."""
        self._forward()

    def do_POST(self) -> None:
        """Refuse it, or pass it on."""
        body = self.rfile.read(int(self.headers["content-length"]))
        with self.lock:
            is_away = len(self.refusals) < 3
            if is_away:
                self.refusals.append(self.path)
        if is_away:
            self._answer(503, b'{"code": "unavailable", "message": "away"}', {"Retry-After": "1"})
        else:
            self._forward(body)

    def _forward(self, body: bytes | None = None) -> None:
        kept = {name: value for name, value in self.headers.items() if name.lower() not in {"host", "connection"}}
        request = urllib.request.Request(self.target + self.path, data=body, headers=kept, method=self.command)
        try:
            with urllib.request.urlopen(request, timeout=HANG_SECONDS) as answer:
                self._answer(answer.status, answer.read(), {})
        except urllib.error.HTTPError as error:
            self._answer(error.code, error.read(), {})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def away_at_first(system: RunningSystem) -> Iterator[tuple[str, list[Any]]]:
    """The base URL of a server that is away at first, in front of the system, and the requests it refused."""
    handler = type("Handler", (AwayAtFirst,), {"target": system.url, "refusals": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", handler.refusals
        server.shutdown()


def run_clients(url: str, key: str, *scenarios: str) -> dict[str, Any]:
    if not installed(OTHER):
        pytest.skip("its environment is not there: make test-clients")
    command = [str(OTHER), str(PROGRAMS / "influxdb_clients.py"), url, key, *scenarios]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=HANG_SECONDS, check=False)
    assert ran.returncode == 0, ran.stderr[-4000:]
    return json.loads(ran.stdout.splitlines()[-1])


def test_the_clients_of_all_versions_write_unchanged(system: RunningSystem) -> None:
    assert run_clients(system.url, system.key, *EXPECTED) == EXPECTED


@pytest.mark.parametrize("client", ["batching", "batching_3"])
def test_every_point_is_there_once_though_the_server_is_away_three_times(
    away_at_first: tuple[str, list[Any]], system: RunningSystem, client: str
) -> None:
    url, refusals = away_at_first
    assert run_clients(url, system.key, client) == {client: EXPECTED[client]}
    assert len(refusals) == 3
