"""The MCP endpoint, judged by the official SDK's client."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from penstock.chat.v1 import chat_pb2 as pb
from penstock.chat.v1 import chat_pb2_grpc
from penstock.common.v1 import common_pb2

from gateway.auth.rebinding import RebindingGuard
from penstock_kit.context import Caller, current_context
from penstock_kit.errors import PermissionDenied, Unavailable
from penstock_kit.version import VERSION
from penstock_testkit.services import serve
from penstock_testkit.waiting import HANG_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCHEMA = '{"type":"object","properties":{"device_code":{"type":"string"}},"required":["device_code"]}'


class FakeTools(chat_pb2_grpc.ToolServiceServicer):
    """One tool; remembers who called it with what."""

    def __init__(self) -> None:
        self.calls: list[tuple[Caller, str, str]] = []
        self.down = False

    async def ListTools(self, request: Any, context: Any) -> pb.ListToolsResponse:  # noqa: N802
        if self.down:
            raise Unavailable("out of order")
        tool = common_pb2.ToolDefinition(name="device_statistics", description="Computes.", parameters_json=SCHEMA)
        return pb.ListToolsResponse(tools=[tool])

    async def CallTool(self, request: Any, context: Any) -> pb.CallToolResponse:  # noqa: N802
        self.calls.append((current_context().caller, request.name, request.arguments_json))
        if request.name != "device_statistics":
            return pb.CallToolResponse(content=f"there is no tool {request.name!r}", is_error=True)
        return pb.CallToolResponse(content='{"mean": 120.25}')


@pytest.fixture
def tools() -> FakeTools:
    return FakeTools()


@pytest_asyncio.fixture(loop_scope="session")
async def door(start_gateway: Any, tools: FakeTools) -> AsyncGenerator[Any]:
    """A gateway in front of the fake tools."""
    async with serve((chat_pb2_grpc.add_ToolServiceServicer_to_server, tools)) as address:
        yield await start_gateway(address=address)


@asynccontextmanager
async def assistant(door: Any, mode: str) -> AsyncGenerator[Client]:
    """The official client, connected with the administrator's key."""
    async with httpx2.AsyncClient(headers=door.auth(), trust_env=False, timeout=HANG_SECONDS) as http:
        transport = streamable_http_client(f"{door.url}/mcp", http_client=http)
        async with Client(transport, mode=mode) as client:
            yield client


@pytest.mark.parametrize(("mode", "version"), [("legacy", "2025-11-25"), ("auto", "2026-07-28")])
async def test_the_official_client_lists_and_calls_the_tools(
    door: Any, tools: FakeTools, mode: str, version: str
) -> None:
    async with assistant(door, mode) as client:
        assert client.protocol_version == version
        assert client.server_info is not None
        assert client.server_info.name == "penstock"
        assert "list_devices" in (client.instructions or "")
        listed = (await client.list_tools()).tools
        assert [tool.name for tool in listed] == ["device_statistics"]
        assert listed[0].input_schema["required"] == ["device_code"]
        good = await client.call_tool("device_statistics", {"device_code": "WLD001"})
        assert [getattr(block, "text", "") for block in good.content] == ['{"mean": 120.25}']
        bad = await client.call_tool("nothing", {})
        assert bad.is_error
    caller, name, arguments = tools.calls[0]
    assert (caller.is_admin, name, arguments) == (True, "device_statistics", '{"device_code":"WLD001"}')


async def post(door: Any, message: Any, **headers: str) -> Any:
    return await door.client.post("/mcp", json=message, headers={**door.auth(), **headers})


def request(method: str, params: Any = None, identity: Any = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identity, "method": method, "params": params or {}}


async def test_a_handshake_agrees_on_the_version_the_client_asks_for(door: Any) -> None:
    for asked, agreed in (("2025-03-26", "2025-03-26"), ("1999-01-01", "2025-11-25")):
        answer = await post(door, request("initialize", {"protocolVersion": asked}))
        assert answer.json()["result"]["protocolVersion"] == agreed


async def test_the_server_says_its_name_its_version_and_what_its_tools_take(door: Any) -> None:
    info = {"name": "penstock", "title": "Penstock", "version": VERSION}
    capabilities = {"tools": {"listChanged": False}}
    asked = request("initialize", {"protocolVersion": "2025-11-25"})
    shaken = (await post(door, asked)).json()["result"]
    assert (shaken["serverInfo"], shaken["capabilities"]) == (info, capabilities)
    assert len(shaken["instructions"]) > 50
    headers = {**MODERN, "mcp-method": "server/discover"}
    found = (await post(door, request("server/discover", {"_meta": META}), **headers)).json()["result"]
    assert found.pop("instructions") == shaken["instructions"]
    assert found == {
        "supportedVersions": ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"],
        "capabilities": capabilities,
        "resultType": "complete",
        "ttlMs": 0,
        "cacheScope": "private",
        "_meta": {"io.modelcontextprotocol/serverInfo": info},
    }
    (tool,) = (await post(door, request("tools/list"))).json()["result"]["tools"]
    assert tool == {
        "name": "device_statistics",
        "description": "Computes.",
        "inputSchema": json.loads(SCHEMA),
        "annotations": {"readOnlyHint": True, "openWorldHint": False},
    }


async def test_a_notification_is_taken_and_a_ping_answered(door: Any) -> None:
    taken = await post(door, {"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert (taken.status_code, taken.content) == (202, b"")
    assert (await post(door, request("ping", identity="a"))).json() == {"jsonrpc": "2.0", "id": "a", "result": {}}


META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
MODERN = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/list"}


@pytest.mark.parametrize(
    ("message", "headers", "status", "code"),
    [
        ([request("ping")], {}, 400, -32600),
        ("ping", {}, 400, -32600),
        ({"id": 1, "method": "ping"}, {}, 400, -32600),
        ({"jsonrpc": "2.0", "id": {}, "method": "ping"}, {}, 400, -32600),
        (request("resources/list"), {}, 200, -32601),
        (request("tools/call", {"name": 5}), {}, 400, -32602),
        (request("tools/call", {"name": "x", "arguments": [1]}), {}, 400, -32602),
        (request("ping"), {"mcp-protocol-version": "2099-01-01"}, 400, -32022),
        (request("tools/list"), MODERN, 400, -32602),
        (request("tools/list", {"_meta": META}), {}, 400, -32020),
        (request("tools/list", {"_meta": META}), {**MODERN, "mcp-method": "tools/call"}, 400, -32020),
        (
            request("tools/call", {"_meta": META, "name": "a"}),
            {**MODERN, "mcp-method": "tools/call", "mcp-name": "b"},
            400,
            -32020,
        ),
        (request("prompts/list", {"_meta": META}), {**MODERN, "mcp-method": "prompts/list"}, 404, -32601),
    ],
)
async def test_what_is_wrong_is_answered_as_json_rpc_says(
    door: Any, message: Any, headers: dict[str, str], status: int, code: int
) -> None:
    answer = await post(door, message, **headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize("identity", [0, 7, "", "seven"])
@pytest.mark.parametrize(
    "wrong", [{"method": "resources/list"}, {"method": "tools/call", "params": {"name": 5}}, {"result": {}}]
)
async def test_an_error_names_the_request_that_it_answers(door: Any, identity: Any, wrong: dict[str, Any]) -> None:
    answer = (await post(door, {"jsonrpc": "2.0", "id": identity, **wrong})).json()
    assert "error" in answer
    assert (answer["id"], type(answer["id"])) == (identity, type(identity))


async def test_a_body_that_is_no_json_is_a_parse_error(door: Any) -> None:
    answer = await door.client.post("/mcp", content=b"{", headers=door.auth())
    assert (answer.status_code, answer.json()["error"]["code"], answer.json()["id"]) == (400, -32700, None)


async def test_there_is_no_stream_to_get_and_no_session_to_delete(door: Any) -> None:
    for method in ("GET", "DELETE"):
        answer = await door.client.request(method, "/mcp", headers=door.auth())
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        assert answer.json()["reason"] == "METHOD_UNSUPPORTED"


async def test_nobody_unknown_and_nobody_without_the_scope_gets_in(door: Any, tools: FakeTools) -> None:
    assert (await door.client.post("/mcp", json=request("tools/list"))).status_code == 401
    login = await door.client.post("/api/v2/auth/login", json={"username": "admin", "password": door.password})
    signed_in = door.auth(login.json()["data"]["access_token"])
    made = await door.client.post("/api/v1/keys", json={"name": "chat", "scopes": ["chat"]}, headers=signed_in)
    key = made.json()["key"]
    answer = await door.client.post("/mcp", json=request("tools/list"), headers=door.auth(key))
    assert (answer.status_code, answer.json()["reason"]) == (403, "SCOPE_REQUIRED")
    assert tools.calls == []


async def test_a_service_that_is_down_is_told_as_such(door: Any, tools: FakeTools) -> None:
    tools.down = True
    answer = await post(door, request("tools/list"))
    assert (answer.status_code, answer.json()["reason"]) == (503, "UNAVAILABLE")


HERE = "127.0.0.1:8000"


@pytest.mark.parametrize(
    ("host", "origin", "reason"),
    [
        (HERE, None, ""),
        ("localhost", None, ""),
        ("[::1]:8000", None, ""),
        ("192.0.2.7:8000", None, ""),
        ("Machines.example:8443", None, ""),
        ("machines.example:8443", "https://machines.example:8443", ""),
        ("localhost:8000", "http://localhost:5173", ""),
        (HERE, "https://app.example", ""),
        ("", None, "HOST_DENIED"),
        ("evil.example", None, "HOST_DENIED"),
        ("evil.example", "http://evil.example", "HOST_DENIED"),
        ("localhost.evil.example", None, "HOST_DENIED"),
        ("machines.example.evil.example", None, "HOST_DENIED"),
        (HERE, "https://evil.example", "ORIGIN_DENIED"),
        ("machines.example", "http://localhost:5173", "ORIGIN_DENIED"),
        ("192.0.2.7", "http://localhost", "ORIGIN_DENIED"),
        (HERE, "null", "ORIGIN_DENIED"),
        (HERE, "http://[bad", "ORIGIN_DENIED"),
    ],
)
async def test_only_known_hosts_and_pages_are_let_through(host: str, origin: str | None, reason: str) -> None:
    guard = RebindingGuard(hosts=("machines.example",), origins=("https://app.example",))
    try:
        guard.check(host=host, origin=origin)
        found = ""
    except PermissionDenied as error:
        found = error.reason
    assert found == reason


async def test_pages_and_names_are_admitted_as_the_settings_say(start_gateway: Any) -> None:
    named = await start_gateway(public_hosts="machines.example", cors_origins="https://app.example")
    for headers in ({"host": "machines.example"}, {"origin": "https://app.example"}):
        assert (await post(named, request("ping"), **headers)).status_code == 200
    answer = await post(named, request("ping"), origin="https://evil.example")
    assert (answer.status_code, answer.json()["reason"]) == (403, "ORIGIN_DENIED")


async def test_allowing_every_origin_elsewhere_opens_no_tools(door: Any) -> None:
    answer = await post(door, request("ping"), origin="https://evil.example")
    assert (answer.status_code, answer.json()["reason"]) == (403, "ORIGIN_DENIED")


async def test_a_strange_host_is_refused_before_its_credentials_are_looked_at(door: Any) -> None:
    answer = await door.client.post("/mcp", json=request("ping"), headers={"host": "evil.example"})
    assert answer.status_code == 403
