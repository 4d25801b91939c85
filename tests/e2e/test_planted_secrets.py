"""Secrets planted in every setting and in requests are in no log, trace, metric, answer or database."""

import asyncio
import json
import urllib.parse
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from aiohttp import web

from penstock_testkit.otlp import OtlpReceiver
from penstock_testkit.servers import PostgresServer
from penstock_testkit.servers.process import free_port
from penstock_testkit.system import SERVICES, RunningSystem, start_system
from penstock_testkit.vendors.anthropic_server import AnthropicServer
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import FakeToolCall, Reply
from penstock_testkit.waiting import HANG_SECONDS

# None has a shape by which it could be told: they must be known to be masked.
SETTINGS = {
    "OPENAI_API_KEY": "planted.openai.1f9a77",
    "ANTHROPIC_API_KEY": "planted.anthropic.2c11d0",
    "GEMINI_API_KEY": "planted.gemini.3b20aa",
    "QWEN_API_KEY": "planted.qwen.4d9e01",
    "GLM_API_KEY": "planted.glm.5a7731",
    "DEEPSEEK_API_KEY": "planted.deepseek.6ee212",
    "ROW_API_KEY": "planted.row.72aa90",
    "JWT_SECRET": "planted.jwt.secret.of.more.than.32.bytes.8f",
    "PENSTOCK_ADMIN_PASSWORD": "planted.password.9d31c4",
    "PENSTOCK_ADMIN_KEY": "psk_planted0admin0key0b7e2f40000000000000000000",
    "TOOL_TOKEN": "planted.tool.0aa3f1",
    "MEM0_LLM_API_KEY": "planted.mem0.1bb4e2",
    "MEM0_VECTOR_STORE_API_KEY": "planted.vector.2cc5d3",
}
URL_PASSWORD = "planted-url-password-3dd6c4"
REQUESTS = {
    "key": "psk_planted_wrong_key_4ee7b5000000000000000000",
    "bearer": "planted.bearer.5ff8a6",
    "password": "planted.login.600997",
    "query": "planted.query.711a88",
    "field": "planted.field.822b79",
    "prompt": "planted.prompt.933c6a",
}
# Where the first start leaves what it made, for the operator alone.
OWNERS_FILES = {"admin.key", "admin.password", "jwt.secret"}
SECRETS = (*SETTINGS.values(), *REQUESTS.values(), URL_PASSWORD)


@dataclass
class Planted:
    """A system full of secrets, the vendors before it, and everything that was answered."""

    system: RunningSystem
    receiver: OtlpReceiver
    openai: OpenAiServer
    anthropic: AnthropicServer
    tool_calls: list[str]
    answers: list[str] = field(default_factory=list[str])

    async def ask(
        self, method: str, path: str, *, status: int, headers: dict[str, str] | None = None, **sent: object
    ) -> httpx.Response:
        """Send a request, keep what comes back, and expect `status`."""
        async with httpx.AsyncClient(base_url=self.system.url, timeout=HANG_SECONDS) as http:
            default = {"Authorization": f"Bearer {SETTINGS['PENSTOCK_ADMIN_KEY']}"}
            answer = await http.request(method, path, headers=default if headers is None else headers, **sent)  # type: ignore[arg-type]
        self.answers.append(f"{answer.headers} {answer.text}")
        assert answer.status_code == status, answer.text
        return answer


def config(openai: OpenAiServer) -> str:
    nowhere = f"http://user:{URL_PASSWORD}@127.0.0.1:{free_port()}/v1"
    return json.dumps(
        {
            "order": ["openai"],
            "providers": [
                {"name": "row", "base_url": openai.base_url, "models": ["m"], "api_key_env": "ROW_API_KEY"},
                {"name": "nowhere", "base_url": nowhere, "models": ["m"], "api_key_env": "ROW_API_KEY"},
            ],
        }
    )


def tools(port: int) -> str:
    return json.dumps(
        {
            "allowed_hosts": ["127.0.0.1"],
            "allowed_networks": ["127.0.0.0/8"],
            "http": [
                {
                    "name": "weather",
                    "description": "The weather.",
                    "method": "GET",
                    "url": f"http://127.0.0.1:{port}/now",
                    "headers": {"Authorization": "Bearer ${TOOL_TOKEN}"},
                    "parameters": {"type": "object", "properties": {}},
                }
            ],
        }
    )


async def _tool_server(stack: AsyncExitStack, calls: list[str]) -> int:
    """A tool that fails and tells which token it was given."""

    async def now(request: web.Request) -> web.Response:
        calls.append(request.headers["authorization"])
        return web.Response(status=500, text=f"token {request.headers['authorization']} is not welcome")

    app = web.Application()
    app.router.add_get("/now", now)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return int(runner.addresses[0][1])


@pytest.fixture
async def planted(tmp_path: Path) -> AsyncIterator[Planted]:
    async with AsyncExitStack() as stack:
        receiver = OtlpReceiver()
        await receiver.start()
        stack.push_async_callback(receiver.stop)
        openai = await stack.enter_async_context(OpenAiServer())
        anthropic = await stack.enter_async_context(AnthropicServer())
        calls: list[str] = []
        port = await _tool_server(stack, calls)
        (tmp_path / "llm.json").write_text(config(openai))
        (tmp_path / "tools.json").write_text(tools(port))
        environment = SETTINGS | {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "PENSTOCK_LOG_LEVEL": "debug",
            "OPENAI_BASE_URL": openai.base_url,
            "OPENAI_MODELS": "m",
            "ANTHROPIC_BASE_URL": anthropic.base_url,
            "GEMINI_BASE_URL": f"http://127.0.0.1:{free_port()}",
            "DEEPSEEK_BASE_URL": f"http://user:{URL_PASSWORD}@127.0.0.1:{free_port()}/v1",
            "REDIS_URL": f"redis://:{URL_PASSWORD}@127.0.0.1:{free_port()}/0",
            "LLM_CONFIG_FILE": str(tmp_path / "llm.json"),
            "CHAT_TOOLS_FILE": str(tmp_path / "tools.json"),
        }
        system = await asyncio.to_thread(start_system, tmp_path / "home", extra_env=environment, demo=False)
        stack.push_async_callback(asyncio.to_thread, system.stop)
        yield Planted(system=system, receiver=receiver, openai=openai, anthropic=anthropic, tool_calls=calls)


def chat(model: str, text: str = "ping", **fields: object) -> dict[str, object]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **fields}


async def _use(planted: Planted) -> None:
    """Good requests and bad ones, on every surface, to vendors that tell our keys."""
    key = SETTINGS["OPENAI_API_KEY"]
    told = {"error": f"Incorrect API key provided: {key}. Bearer {key}"}
    prompt, asked = REQUESTS["prompt"], "/v1/chat/completions"
    await planted.ask("POST", asked, status=200, json=chat("openai/m", prompt))
    await planted.ask("POST", asked, status=200, json=chat("openai/m", prompt, stream=True))
    await planted.ask("POST", asked, status=200, json=chat("row/m", prompt, api_key=REQUESTS["field"]))
    await planted.ask("POST", "/v1/responses", status=200, json={"model": "openai/m", "input": prompt})
    await planted.ask("POST", "/v1/embeddings", status=200, json={"model": "openai/text-embedding-3", "input": prompt})
    await planted.ask("POST", "/api/v1/llm/parse", status=200, json={"prompt": "How is pump-7?"})
    message = chat("anthropic/m", prompt, max_tokens=10)
    await planted.ask("POST", "/v1/messages", status=200, json=message)
    await planted.ask("POST", "/api/v1/llm/reload", status=200)
    planted.openai.script(Reply(chunks=("a", "b"), chunk_delay=0.05, error_after=1, **told))
    cut = await planted.ask("POST", asked, status=200, json=chat("openai/m", stream=True))
    assert '"error"' in cut.text
    for model in ("nowhere/m", "deepseek/m", "gemini/m"):
        await planted.ask("POST", asked, status=502, json=chat(model))
    planted.anthropic.script(Reply(status=401, error=f"invalid x-api-key {SETTINGS['ANTHROPIC_API_KEY']}"))
    await planted.ask("POST", "/v1/messages", status=502, json=message)
    for status, seen in ((400, 400), (500, 502), (429, 429)):
        planted.openai.default = Reply(status=status, **told)
        await planted.ask("POST", asked, status=seen, json=chat("openai/m"))
    planted.openai.default = Reply(status=401, error=f"Incorrect API key provided: {SETTINGS['ROW_API_KEY']}")
    await planted.ask("POST", asked, status=502, json=chat("row/m"))


async def _use_chat(planted: Planted) -> None:
    """A conversation whose model calls a tool that tells its token."""
    planted.openai.script(
        Reply(tool_calls=[FakeToolCall(name="weather", arguments="{}")], finish_reason="tool_calls"), Reply()
    )
    made = await planted.ask("POST", "/api/v1/conversations", status=201, json={})
    path = f"/api/v1/conversations/{made.json()['id']}/stream"
    await planted.ask("POST", path, status=200, json={"content": "Rain?", "role": "user", "model": "openai/m"})
    assert planted.tool_calls == [f"Bearer {SETTINGS['TOOL_TOKEN']}"]


async def _be_refused(planted: Planted) -> None:
    """Callers who show secrets that are none of ours, where they should not."""
    for headers in (
        {"Authorization": f"Bearer {REQUESTS['bearer']}"},
        {"Authorization": f"Bearer {REQUESTS['key']}"},
        {"x-api-key": REQUESTS["key"]},
        {"Authorization": f"Basic {REQUESTS['bearer']}"},
    ):
        await planted.ask("POST", "/v1/chat/completions", status=401, headers=headers, json=chat("openai/m"))
    login = {"username": "admin", "password": REQUESTS["password"]}
    await planted.ask("POST", "/api/v2/auth/login", status=401, headers={}, json=login)
    good = {"username": "admin", "password": SETTINGS["PENSTOCK_ADMIN_PASSWORD"]}
    signed = await planted.ask("POST", "/api/v2/auth/login", status=200, headers={}, json=good)
    planted.answers.pop()
    bearer = {"Authorization": f"Bearer {signed.json()['data']['access_token']}"}
    await planted.ask("GET", "/v1/models", status=200, headers=bearer)
    await planted.ask("GET", f"/v1/models?api_key={REQUESTS['query']}", status=401, headers={})
    await planted.ask("GET", f"/nowhere?token={REQUESTS['query']}", status=404)
    await planted.ask("POST", "/v1/chat/completions", status=400, content=f'{{"api_key": "{REQUESTS["field"]}", ')


async def _metrics(planted: Planted) -> str:
    ports = planted.system.ports
    urls = [f"http://127.0.0.1:{ports[f'{name}_METRICS_PORT']}/metrics" for name in SERVICES]
    async with httpx.AsyncClient(timeout=HANG_SECONDS) as http:
        return "".join([(await http.get(url)).text for url in (*urls, f"{planted.system.url}/metrics")])


def _files(home: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(home)): path.read_bytes()
        for path in home.rglob("*")
        if path.is_file() and path.name not in OWNERS_FILES
    }


def found(where: str, data: bytes) -> list[str]:
    """The secrets in `data`, as they are or as they would be in a URL."""
    forms = {secret: {secret.encode(), urllib.parse.quote(secret, safe="").encode()} for secret in SECRETS}
    return [f"{secret} in {where}" for secret, ways in forms.items() if any(way in data for way in ways)]


async def test_planted_secrets_appear_nowhere(planted: Planted) -> None:
    await _use_chat(planted)
    await _use(planted)
    await _be_refused(planted)
    await planted.ask("GET", "/api/v1/monitoring/providers", status=200)
    await planted.ask("GET", "/api/v1/llm/route?model=openai/m", status=200)
    await planted.ask("GET", "/ready", status=200)
    await planted.ask("GET", "/api/v1/costs/ledger", status=200)
    metrics = await _metrics(planted)
    await planted.receiver.wait_for("chat m")
    await asyncio.to_thread(planted.system.stop)
    looked_at = {
        "the log": planted.system.output().encode(),
        "the metrics": metrics.encode(),
        "the traces": b"".join(planted.receiver.exports),
        "the answers": "\n".join(planted.answers).encode(),
        **_files(planted.system.home),
    }
    assert {"gateway.db", "llm.db", "chat.db"} <= looked_at.keys()
    assert planted.receiver.exports
    assert b"chat.completion" in looked_at["the answers"]
    leaks = [leak for where, data in looked_at.items() for leak in found(where, data)]
    assert not leaks, "; ".join(leaks)


async def test_the_password_of_the_database_is_told_by_no_failure_of_it(
    tmp_path: Path, postgres_server: PostgresServer, postgres_url: str
) -> None:
    await _execute(postgres_server.url, f"CREATE ROLE planted SUPERUSER LOGIN PASSWORD '{URL_PASSWORD}'")
    environment = {
        "DATABASE_URL": f"postgresql://planted:{URL_PASSWORD}@{postgres_url.rpartition('@')[2]}",
        "PENSTOCK_ADMIN_KEY": SETTINGS["PENSTOCK_ADMIN_KEY"],
        "PENSTOCK_LOG_LEVEL": "debug",
    }
    system = await asyncio.to_thread(start_system, tmp_path / "home", extra_env=environment, demo=False)
    try:
        answers = await _lose_the_database(system, postgres_server.url)
    finally:
        await asyncio.to_thread(system.stop)
    looked_at = {"the log": system.output().encode(), "the answers": answers.encode(), **_files(system.home)}
    leaks = [leak for where, data in looked_at.items() for leak in found(where, data)]
    assert not leaks, "; ".join(leaks)
    assert '"level":"warning"' in system.output()


async def _lose_the_database(system: RunningSystem, admin_url: str) -> str:
    """Use the system, take its database away, use it again; return what it answered."""
    headers = {"Authorization": f"Bearer {SETTINGS['PENSTOCK_ADMIN_KEY']}"}
    answers: list[str] = []
    async with httpx.AsyncClient(base_url=system.url, headers=headers, timeout=HANG_SECONDS) as http:
        await http.post("/v1/chat/completions", json=chat("fallback/rules"))
        await _execute(admin_url, "ALTER ROLE planted NOLOGIN")
        await _execute(admin_url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'planted'")
        for method, path in (("GET", "/ready"), ("POST", "/api/v1/conversations"), ("GET", "/api/v1/budgets")):
            answer = await http.request(method, path, json={} if method == "POST" else None)
            answers.append(f"{answer.status_code} {answer.headers} {answer.text}")
    assert not answers[0].startswith("200")
    return "\n".join(answers)


async def _execute(url: str, statement: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()
