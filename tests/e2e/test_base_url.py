"""No request chooses where it goes or with which key: base URLs and keys of a caller are ignored or refused."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.vendors.anthropic_server import AnthropicServer
from penstock_testkit.vendors.gemini_server import GeminiServer
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.waiting import HANG_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="module")
OURS = "our-own-vendor-key-0001"
THEIRS = "a-callers-own-key-0002"
NAMES = ("base_url", "api_base", "baseURL", "apiBase", "endpoint", "host", "proxy", "url", "custom_host", "server")
HEADERS = (
    "x-base-url",
    "x-api-base",
    "x-openai-base-url",
    "x-portkey-custom-host",
    "x-portkey-config",
    "x-litellm-api-base",
    "x-forwarded-host",
    "x-target-url",
    "helicone-target-url",
    "helicone-openai-api-base",
)


@dataclass
class Elsewhere:
    """A place that nobody may be sent to; it counts who comes."""

    port: int = 0
    visits: list[bytes] = field(default_factory=list[bytes])

    async def serve(self, stack: AsyncExitStack) -> None:
        async def visited(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.visits.append(await reader.read(200))
            writer.close()

        server = await asyncio.start_server(visited, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        stack.push_async_callback(server.wait_closed)
        stack.callback(server.close)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


@dataclass
class Place:
    """A system whose vendors and the place elsewhere count their visitors."""

    system: RunningSystem
    openai: OpenAiServer
    anthropic: AnthropicServer
    gemini: GeminiServer
    elsewhere: Elsewhere

    @property
    def received(self) -> list[Any]:
        """Everything any vendor got."""
        return [*self.openai.received, *self.anthropic.received, *self.gemini.received]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        openai = await stack.enter_async_context(OpenAiServer())
        anthropic = await stack.enter_async_context(AnthropicServer())
        gemini = await stack.enter_async_context(GeminiServer())
        elsewhere = Elsewhere()
        await elsewhere.serve(stack)
        folder = tmp_path_factory.mktemp("base-url")
        # A self-hosted row hands unknown knobs through: all the more reason.
        row = {
            "name": "row",
            "base_url": openai.base_url,
            "models": ["m", "text-embedding-m"],
            "api_key_env": "ROW_KEY",
        }
        (folder / "llm.json").write_text(json.dumps({"providers": [row]}))
        environment = {
            "ROW_KEY": OURS,
            "LLM_CONFIG_FILE": str(folder / "llm.json"),
            "ANTHROPIC_API_KEY": OURS,
            "ANTHROPIC_BASE_URL": anthropic.base_url,
            "GEMINI_API_KEY": OURS,
            "GEMINI_BASE_URL": gemini.base_url,
        }
        system = await asyncio.to_thread(start_system, folder / "home", extra_env=environment, demo=False)
        stack.push_async_callback(asyncio.to_thread, system.stop)
        yield Place(system=system, openai=openai, anthropic=anthropic, gemini=gemini, elsewhere=elsewhere)


def wishes(elsewhere: str) -> dict[str, Any]:
    """Every way to ask for another place in a body."""
    asked: dict[str, Any] = dict.fromkeys(NAMES, elsewhere) | {"api_key": THEIRS, "apiKey": THEIRS}
    nested = dict(asked)
    return asked | {
        "provider": {"base_url": elsewhere, "api_key": THEIRS},
        "extra_body": nested,
        "extra_headers": {"x-base-url": elsewhere, "authorization": f"Bearer {THEIRS}"},
        "litellm_params": nested,
        "config": nested,
    }


def surfaces() -> dict[str, tuple[str, dict[str, Any]]]:
    """Path and body of a good request on every surface."""
    messages = [{"role": "user", "content": "ping"}]
    return {
        "chat": ("/v1/chat/completions", {"model": "row/m", "messages": messages}),
        "chat, streamed": ("/v1/chat/completions", {"model": "row/m", "messages": messages, "stream": True}),
        "chat at gemini": ("/v1/chat/completions", {"model": "gemini/m", "messages": messages}),
        "responses": ("/v1/responses", {"model": "row/m", "input": "ping"}),
        "embeddings": ("/v1/embeddings", {"model": "row/text-embedding-m", "input": "ping"}),
        "messages": ("/v1/messages", {"model": "anthropic/m", "max_tokens": 9, "messages": messages}),
        "count_tokens": ("/v1/messages/count_tokens", {"model": "anthropic/m", "messages": messages}),
        "parse": ("/api/v1/llm/parse", {"prompt": "How is pump-7?", "model": "row/m"}),
    }


def headers(place: Place) -> dict[str, str]:
    return dict.fromkeys(HEADERS, place.elsewhere.url) | {
        "Authorization": f"Bearer {place.system.key}",
        "x-openai-api-key": THEIRS,
        "x-vendor-api-key": THEIRS,
    }


def nobody_went_elsewhere(place: Place) -> bool:
    shown = repr([(received.path, received.headers, received.body) for received in place.received])
    return not place.elsewhere.visits and THEIRS not in shown and str(place.elsewhere.port) not in shown


@pytest.mark.parametrize("surface", surfaces())
async def test_no_request_chooses_where_it_goes(place: Place, surface: str) -> None:
    path, body = surfaces()[surface]
    async with httpx.AsyncClient(base_url=place.system.url, timeout=HANG_SECONDS) as http:
        answer = await http.post(path, json=body | wishes(place.elsewhere.url), headers=headers(place))
        # A vendor's dialect passes over what it doesn't know; a route of ours refuses it by its name.
        assert answer.status_code == (422 if path.startswith("/api/") else 200), answer.text
        before = len(place.received)
        plain = await http.post(path, json=body, headers=headers(place))
    assert plain.status_code == 200, plain.text
    assert surface == "parse" or len(place.received) > before
    assert nobody_went_elsewhere(place)
    assert OURS in repr(place.received)


@pytest.mark.parametrize("model", ["http://127.0.0.1:{port}/v1/m", "{port}/m", "row/../../m", "row@127.0.0.1:{port}/m"])
async def test_no_model_name_is_a_place(place: Place, model: str) -> None:
    body = {"model": model.format(port=place.elsewhere.port), "messages": [{"role": "user", "content": "ping"}]}
    async with httpx.AsyncClient(base_url=place.system.url, timeout=HANG_SECONDS) as http:
        await http.post("/v1/chat/completions", json=body, headers=headers(place))
        await http.post("/v1/messages", json=body | {"max_tokens": 9}, headers=headers(place))
    assert not place.elsewhere.visits


@pytest.mark.parametrize("path", ["stream", "stream-debug"])
async def test_no_question_in_a_conversation_chooses_where_it_goes(place: Place, path: str) -> None:
    async with httpx.AsyncClient(base_url=place.system.url, timeout=HANG_SECONDS) as http:
        made = await http.post("/api/v1/conversations", json={}, headers=headers(place))
        body = {"content": "ping", "role": "user", "model": "row/m"}
        url = f"/api/v1/conversations/{made.json()['id']}/{path}"
        wished = await http.post(url, json=body | wishes(place.elsewhere.url), headers=headers(place))
        plain = await http.post(url, json=body, headers=headers(place))
    assert (wished.status_code, "pong" in wished.text) == (200, True), wished.text
    assert "pong" in plain.text
    assert nobody_went_elsewhere(place)


async def test_no_question_over_a_web_socket_chooses_where_it_goes(place: Place) -> None:
    async with httpx.AsyncClient(base_url=place.system.url, timeout=HANG_SECONDS) as http:
        made = await http.post("/api/v1/conversations", json={}, headers=headers(place))
    url = f"{place.system.url.replace('http', 'ws', 1)}/api/v1/ws/conversations/{made.json()['id']}"
    question = {"type": "message", "content": "ping", "role": "user", "model": "row/m"}
    async with connect(url, additional_headers=headers(place)) as socket:
        await socket.send(json.dumps(question | wishes(place.elsewhere.url)))
        async with asyncio.timeout(HANG_SECONDS):
            await socket.recv()
    assert nobody_went_elsewhere(place)
