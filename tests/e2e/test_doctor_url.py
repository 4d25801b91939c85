"""`penstock doctor --url` looks at a system that runs somewhere."""

import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from penstock_cli.doctor.deployment import ENDPOINTS, doctor_url, examine_url
from penstock_cli.doctor.finding import Finding
from penstock_cli.failure import CommandFailed
from penstock_cli.key import show
from penstock_cli.settings import CliSettings
from penstock_testkit.servers.process import free_port
from penstock_testkit.system import RunningSystem


def found(settings: dict[str, str], url: str) -> dict[str, Finding]:
    return {finding.name: finding for finding in examine_url(CliSettings(values=settings), url)}


def test_a_system_that_is_well_is_said_to_be(system: RunningSystem, capsys: pytest.CaptureFixture[str]) -> None:
    settings = CliSettings(values={"PENSTOCK_API_KEY": system.key})
    assert doctor_url(settings, f"{system.url}/", as_json=True) == 0
    report = json.loads(capsys.readouterr().out)
    names = {finding["name"] for finding in report["findings"]}
    assert report["ok"]
    assert {"gateway", "ready", "llm-service", "latency", "gateway's memory", "machine's memory", "alerts"} <= names
    assert {what for _, what in ENDPOINTS} <= names
    assert doctor_url(settings, system.url) == 0
    assert "is well" in capsys.readouterr().out


def test_a_wrong_key_is_named(system: RunningSystem) -> None:
    findings = found({"PENSTOCK_API_KEY": "psk_wrong_0000000000000000000000000000000000000000"}, system.url)
    assert not findings["data models"].ok
    assert "not accepted" in findings["data models"].remedy


def test_nothing_there_is_the_one_finding() -> None:
    findings = found({}, f"http://127.0.0.1:{free_port()}")
    assert [(finding.name, finding.ok) for finding in findings.values()] == [("gateway", False)]


class Stranger(http.server.BaseHTTPRequestHandler):
    """Some other program; remembers the credentials that it is sent."""

    shown: set[str] = set()  # noqa: RUF012 - of the class, which the server makes instances of

    def do_GET(self) -> None:
        self.shown.add(self.headers.get("Authorization", ""))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"service": "something else"}')

    def log_message(self, format: str, *args: object) -> None:
        pass


class Stale(Stranger):
    """A gateway that evaluated its alerts five minutes ago, and answers everything else with nothing."""

    def do_GET(self) -> None:
        gauge = f"penstock_alerts_evaluated_timestamp_seconds {time.time() - 300!r}\n"
        answers = {"/health": '{"service": "gateway", "version": "1"}', "/metrics": gauge}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(answers.get(self.path, "{}").encode())


@contextmanager
def serve(handler: type[Stranger]) -> Iterator[str]:
    server = http.server.HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def stranger() -> Iterator[str]:
    with serve(Stranger) as url:
        yield url


def test_alerts_that_are_evaluated_too_late_are_named() -> None:
    with serve(Stale) as url:
        alerts = found({"PENSTOCK_API_KEY": "psk_any"}, url)["alerts"]
    assert not alerts.ok
    assert int(alerts.detail.split()[1]) >= 299, "whole seconds of a header"
    assert "alerts are not evaluated" in alerts.remedy


class Page(Stranger):
    """A web server with pages, one that says where it went, and a proxy whose gateway is away."""

    def do_GET(self) -> None:
        status = {"/moved/health": 301, "/away/health": 502}.get(self.path, 200)
        self.send_response(status)
        self.send_header("location", "https://elsewhere.example/")
        self.end_headers()
        self.wfile.write(b"<html>It works!</html>")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("", "this is not Penstock: {url} answers /health with HTTP 200 to https://elsewhere.example/, of BaseHTTP"),
        ("/moved", "this is not Penstock: {url} answers /moved/health with HTTP 301 to https://elsewhere.example/, of"),
        ("/away", "a proxy without a gateway behind it: {url} answers /away/health with HTTP 502"),
    ],
)
def test_a_web_server_that_is_another_is_said_to_be_no_penstock(path: str, told: str) -> None:
    with serve(Page) as url:
        findings = found({}, f"{url}{path}")
    assert [(finding.name, finding.ok) for finding in findings.values()] == [("gateway", False)]
    assert findings["gateway"].detail.startswith(told.format(url=f"{url}{path}"))
    assert "correct the URL" in findings["gateway"].remedy


def test_the_other_commands_tell_another_web_server_too() -> None:
    with serve(Page) as url, pytest.raises(CommandFailed, match=r"this is not Penstock: .* correct PENSTOCK_URL"):
        show(CliSettings(values={"PENSTOCK_URL": url, "PENSTOCK_API_KEY": "psk_any"}), as_json=True)


def test_another_program_is_not_taken_for_penstock(stranger: str) -> None:
    findings = found({}, stranger)
    assert [(finding.name, finding.ok) for finding in findings.values()] == [("gateway", False)]
    assert "this is not Penstock" in findings["gateway"].detail
