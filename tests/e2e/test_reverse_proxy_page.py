"""docs/reverse-proxy.md, word by word: what it writes for a proxy lets streams, WebSockets and large bodies through."""

import asyncio
import json
import os
import re
import shutil
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from httpx_sse import aconnect_sse
from websockets.asyncio.client import connect

from penstock_testkit.servers.certificate import make_certificate
from penstock_testkit.servers.process import accepts, free_port
from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import Reply
from penstock_testkit.waiting import HANG_SECONDS, until

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "reverse-proxy.md").read_text("utf-8")
CONVERSATIONS: Final = "/api/v1/conversations"
PROGRAMS: Final = os.pathsep.join((*os.get_exec_path(), str(ROOT / ".tools/usr/bin"), str(ROOT / ".tools/usr/sbin")))
# More than a proxy gathers before it passes anything on, and than nginx takes without `client_max_body_size`.
LARGE: Final = 3_000_000
WAIT: Final = httpx.Timeout(HANG_SECONDS)


@dataclass(frozen=True, kw_only=True)
class Proxied:
    """The system as the world sees it: the proxy's address, and whom it trusts."""

    url: str
    system: RunningSystem
    vendor: OpenAiServer
    trust: ssl.SSLContext | bool

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.system.key}"}

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, verify=self.trust, headers=self.headers, timeout=WAIT)


def block(language: str) -> str:
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert len(found) == 1, language
    return found[0]


def settings_of_the_page() -> dict[str, str]:
    line = next(line for line in PAGE.splitlines() if line.endswith(" make up"))
    return dict(word.split("=") for word in line.split()[:-2])


def put(text: str, values: Mapping[str, str]) -> str:
    """Return the text with what the page has in one place only, and this machine has elsewhere."""
    for words, here in values.items():
        assert text.count(words) == 1, words
        text = text.replace(words, here)
    return text


def nginx(folder: Path, system: RunningSystem, port: int) -> tuple[list[str], ssl.SSLContext]:
    shown, _ = make_certificate(folder)
    here = {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/ssl/penstock.pem": str(folder / "key.pem"),
        "/etc/ssl/penstock.key": str(folder / "key.pem"),
        "127.0.0.1:8000": system.url.removeprefix("http://"),
    }
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = "".join(f"{kind}_temp_path {folder / kind};\n" for kind in kinds)
    text = f"daemon off;\nmaster_process off;\npid {folder / 'pid'};\nerror_log stderr;\nevents {{}}\n"
    text += f"http {{\naccess_log off;\n{folders}{put(block('nginx'), here)}}}\n"
    (folder / "nginx.conf").write_text(text)
    trust = ssl.create_default_context(cafile=shown)
    return ["nginx", "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")], trust


def caddy(folder: Path, system: RunningSystem, port: int) -> tuple[list[str], bool]:
    """It would get a certificate for a public name: here it speaks plain HTTP."""
    here = {
        "penstock.example": f"http://127.0.0.1:{port}",
        "127.0.0.1:8000": system.url.removeprefix("http://"),
    }
    (folder / "Caddyfile").write_text(f"{{\nadmin off\n}}\n{put(block('caddy'), here)}")
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")], True


PROXIES: Final = {"nginx": (nginx, "https"), "caddy": (caddy, "http")}


@pytest.fixture(
    params=[
        pytest.param(
            name,
            marks=pytest.mark.skipif(
                not shutil.which(name, path=PROGRAMS), reason=f"there is no {name}; scripts/monitoring-tools gets one"
            ),
        )
        for name in PROXIES
    ]
)
async def proxied(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Proxied]:
    """The proxy of the page in front of a system that is told of it as the page says."""
    configure, scheme = PROXIES[request.param]
    async with OpenAiServer() as vendor:
        told = {**settings_of_the_page(), "OPENAI_BASE_URL": vendor.base_url, "OPENAI_MODELS": "m"}
        system = await asyncio.to_thread(start_system, tmp_path / "home", extra_env=told, demo=False)
        try:
            port = free_port()
            command, trust = configure(tmp_path, system, port)
            environment = {"HOME": str(tmp_path), "PATH": PROGRAMS}
            proxy = await asyncio.create_subprocess_exec(*command, env=environment)
            try:
                await until(lambda: accepts(port) or proxy.returncode is not None)
                assert proxy.returncode is None
                yield Proxied(url=f"{scheme}://127.0.0.1:{port}", system=system, vendor=vendor, trust=trust)
            finally:
                if proxy.returncode is None:
                    proxy.terminate()
                    await proxy.wait()
        finally:
            await asyncio.to_thread(system.stop)


async def test_streams_pass_at_once_websockets_open_large_bodies_pass_and_callers_keep_their_address(
    proxied: Proxied,
) -> None:
    async with proxied.client() as http, asyncio.timeout(HANG_SECONDS):
        conversation = (await http.post(CONVERSATIONS, json={})).raise_for_status().json()["id"]
        await _first_event_comes_before_the_last_is_there(proxied, http, conversation)
        await _a_socket_answers(proxied, conversation)
        refused = await http.post("/v1/embeddings", json={"model": "no/such", "input": "x" * LARGE})
        assert refused.headers["content-type"] != "text/html", "the gateway has answered, not the proxy"
        assert refused.status_code != 413
        await _the_page_s_own_commands_show_a_stream(proxied)
        assert (await http.get("/metrics", headers={"Authorization": ""})).status_code == 401
        await _no_caller_chooses_its_address(proxied, http)


async def _first_event_comes_before_the_last_is_there(
    proxied: Proxied, http: httpx.AsyncClient, conversation: str
) -> None:
    proxied.vendor.script(Reply(chunks=("first", "never"), hang_after=1))
    body = {"content": "Hi there!", "role": "user", "model": "openai/m", "use_tools": False}
    async with aconnect_sse(http, "POST", f"{CONVERSATIONS}/{conversation}/stream", json=body) as source:
        async for event in source.aiter_sse():
            if event.data and json.loads(event.data).get("content") == "first":
                return
    raise AssertionError("the stream has ended")


async def _a_socket_answers(proxied: Proxied, conversation: str) -> None:
    url = f"{proxied.url.replace('http', 'ws', 1)}/api/v1/ws/conversations/{conversation}"
    context = proxied.trust if isinstance(proxied.trust, ssl.SSLContext) else None
    async with connect(url, additional_headers=dict(proxied.headers), ssl=context) as socket:
        await socket.send("no JSON")
        answer: dict[str, Any] = json.loads(await socket.recv())
        assert answer["type"] == "error"


async def _no_caller_chooses_its_address(proxied: Proxied, http: httpx.AsyncClient) -> None:
    login = {"username": "admin", "password": "wrong-Horse-8-battery"}
    made = [
        await http.post("/api/v2/auth/login", json=login, headers={"X-Forwarded-For": f"198.51.100.{number}"})
        for number in range(8)
    ]
    assert made[-1].status_code == 429, "all came from one address, whatever they say"


async def _the_page_s_own_commands_show_a_stream(proxied: Proxied) -> None:
    (commands,) = re.findall(r"^```sh\n(KEY=.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    commands = commands.replace("https://penstock.example", proxied.url).replace("var/", f"{proxied.system.home}/")
    environment = {"PATH": PROGRAMS, "CURL_CA_BUNDLE": str(proxied.system.home.parent / "certificate.pem")}
    shell = await asyncio.create_subprocess_exec("sh", "-ec", commands, env=environment, stdout=asyncio.subprocess.PIPE)
    shown, _ = await shell.communicate()
    assert b"event: message_chunk" in shown
    assert b"event: complete_state" in shown
