"""MCP servers as sources of tools: real servers of the official SDK, over HTTP and as processes."""

import asyncio
import ipaddress
import json
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from chat_stream_service.adapters.operator_tools.configuration import ToolsConfiguration
from chat_stream_service.adapters.operator_tools.entry import McpEntry
from chat_stream_service.adapters.operator_tools.masked_tool import SecretMask
from chat_stream_service.adapters.operator_tools.mcp_server import McpServer
from chat_stream_service.adapters.operator_tools.operator_tools import OperatorTools
from chat_stream_service.domain.model.tool import Tool, ToolContext
from penstock_kit.breaker import Breaker, ConsecutiveFailures
from penstock_kit.clock import SystemClock
from penstock_kit.errors import DeadlineExceeded, FailedPrecondition, PenstockError, Unavailable
from penstock_kit.outbound.destinations import Destinations
from penstock_testkit.waiting import HANG_SECONDS, until_true

CONTEXT = ToolContext(tenant_id="t", user_id="u", conversation_id="c", stream_id="s", max_characters=2000)
DESTINATIONS = Destinations(hosts=("127.0.0.1", "localhost"), networks=(ipaddress.ip_network("127.0.0.0/8"),))


def probe_server(hold: asyncio.Event | None = None) -> MCPServer:
    server = MCPServer("probe")

    @server.tool()
    async def add(a: int, b: int) -> str:
        """Adds two numbers."""
        return str(a + b)

    @server.tool()
    async def fail() -> str:
        """Fails."""
        raise ToolError("the valve is stuck")

    @server.tool()
    async def wait() -> str:
        """Waits."""
        if hold is not None:
            await hold.wait()
        return "waited"

    @server.tool(name="much.text")
    async def much() -> str:
        """Says much."""
        return "z" * 100_000

    return server


@asynccontextmanager
async def served(server: MCPServer, port: int = 0, *, stateless: bool = False) -> AsyncGenerator[int]:
    """Serve over Streamable HTTP and give the port."""
    listening = socket.create_server(("127.0.0.1", port))
    app = server.streamable_http_app(stateless_http=stateless)
    config = uvicorn.Config(app, log_config=None, ws="none", timeout_graceful_shutdown=1)
    running = uvicorn.Server(config)
    task = asyncio.create_task(running.serve(sockets=[listening]))
    try:
        yield listening.getsockname()[1]
    finally:
        running.should_exit = True
        await task
        listening.close()


Connected = Callable[..., Any]


@pytest.fixture
async def connected() -> AsyncGenerator[Connected]:
    """Connects to a server by entry and returns its source, once it was tried."""
    async with AsyncExitStack() as stack:

        async def connect(destinations: Destinations = DESTINATIONS, **entry: Any) -> Any:
            described = McpEntry(**{"name": "probe", **entry})
            tools = OperatorTools(
                ToolsConfiguration(mcp=(described,), destinations=destinations),
                clock=SystemClock(),
                max_seconds=HANG_SECONDS,
            )
            stack.push_async_callback(tools.close)
            tools.start()
            source: Any = tools.sources[0]
            async with asyncio.timeout(HANG_SECONDS):
                await source.try_connect()
            return source

        yield connect


def tool(source: Any, name: str) -> Tool:
    return next(tool for tool in source.tools() if tool.name == name)


@pytest.mark.parametrize("stateless", [False, True])
async def test_the_tools_of_a_server_are_listed_and_called(connected: Connected, stateless: bool) -> None:
    async with served(probe_server(), stateless=stateless) as port:
        source = await connected(url=f"http://127.0.0.1:{port}/mcp")
        assert [each.name for each in source.tools()] == ["add", "fail", "wait", "much.text"]
        add = tool(source, "add")
        assert add.description == "Adds two numbers."
        assert add.schema["required"] == ["a", "b"]
        assert await add.call({"a": 2, "b": 40}, CONTEXT) == "42"
        assert len(await tool(source, "much.text").call({}, CONTEXT)) == CONTEXT.max_characters
        with pytest.raises(FailedPrecondition, match="the valve is stuck"):
            await tool(source, "fail").call({}, CONTEXT)
        await source.close()


async def test_a_server_started_by_a_command_is_asked_the_same_way(connected: Connected, tmp_path: Path) -> None:
    script = tmp_path / "server.py"
    script.write_text(
        "import os\n"
        "from mcp.server.mcpserver import MCPServer\n"
        "server = MCPServer('local')\n"
        "@server.tool()\n"
        "def seen() -> str:\n"
        "    return ' '.join(str(os.environ.get(name)) for name in ('TOKEN', 'PENSTOCK_SECRET'))\n"
        "server.run('stdio')\n"
    )
    source = await connected(command=[sys.executable, str(script)], environment={"TOKEN": "given"})
    assert await tool(source, "seen").call({}, CONTEXT) == "given None"


async def test_only_the_allowed_tools_of_a_server_are_listed(connected: Connected) -> None:
    async with served(probe_server()) as port:
        source = await connected(url=f"http://127.0.0.1:{port}/mcp", tools=["add", "nothing"])
        assert [each.name for each in source.tools()] == ["add"]
        await source.close()


async def adds(source: Any) -> bool:
    """Whether a tool answers in its time, of which a busy machine may take more."""
    try:
        return await tool(source, "add").call({"a": 1, "b": 1}, CONTEXT) == "2"
    except DeadlineExceeded:
        return False


async def test_a_tool_that_hangs_costs_no_more_than_its_time_and_the_connection_lives_on(connected: Connected) -> None:
    hold = asyncio.Event()
    async with served(probe_server(hold)) as port:
        source = await connected(url=f"http://127.0.0.1:{port}/mcp", timeout_seconds=2)
        async with asyncio.timeout(HANG_SECONDS):
            with pytest.raises(DeadlineExceeded, match=r"within 2 s"):
                await tool(source, "wait").call({}, CONTEXT)
        await until_true(lambda: adds(source))
        hold.set()
        await source.close()


async def test_a_server_that_goes_down_is_told_at_once_and_used_again_when_it_is_back(connected: Connected) -> None:
    async with served(probe_server()) as port:
        source = await connected(url=f"http://127.0.0.1:{port}/mcp", timeout_seconds=HANG_SECONDS)
        add = tool(source, "add")
        assert await add.call({"a": 1, "b": 2}, CONTEXT) == "3"
    async with asyncio.timeout(HANG_SECONDS):
        with pytest.raises(PenstockError) as caught:
            await add.call({"a": 1, "b": 2}, CONTEXT)
        assert caught.value.retryable
        with pytest.raises(Unavailable, match="its server probe is down"):
            await add.call({"a": 1, "b": 2}, CONTEXT)
    assert add in source.tools(), "what was known of a server stays listed while it is down"
    async with served(probe_server(), port):
        async with asyncio.timeout(HANG_SECONDS):
            assert await add.call({"a": 1, "b": 2}, CONTEXT) == "3"
        await source.close()


async def test_a_server_that_is_not_there_has_no_tools_and_stops_nothing(connected: Connected) -> None:
    source = await connected(url="http://127.0.0.1:1/mcp")
    assert list(source.tools()) == []


class Present:
    """A session that is there and has no tools."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()

    async def list_tools(self) -> tuple[()]:
        return ()


async def test_a_server_that_was_away_for_more_than_a_thousand_attempts_is_still_used_when_it_is_back() -> None:
    attempts = 0

    @asynccontextmanager
    async def connect(_: Any) -> AsyncGenerator[Any]:
        nonlocal attempts
        attempts += 1
        if attempts <= 1_100:
            raise OSError("nobody is there")
        yield Present()

    source = McpServer(
        McpEntry(name="probe", url="http://127.0.0.1:1/mcp"),
        connect,
        Breaker(ConsecutiveFailures(), SystemClock()),
        max_seconds=HANG_SECONDS,
        clock=SystemClock(),
        mask=SecretMask(()),
    )
    source.start()
    async with asyncio.timeout(HANG_SECONDS):
        while not await source.try_connect():
            pass
    await source.close()
    assert attempts == 1_101


@pytest.mark.parametrize(
    "destinations",
    [Destinations(hosts=("localhost",)), Destinations(hosts=("x.org",), networks=DESTINATIONS.networks)],
    ids=["address", "host"],
)
async def test_a_server_at_a_place_not_allowed_is_not_connected_to(
    connected: Connected, destinations: Destinations
) -> None:
    hits = 0

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal hits
        hits += 1
        writer.close()

    server = await asyncio.start_server(count, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    source = await connected(destinations, url=f"http://localhost:{port}/mcp")
    assert list(source.tools()) == []
    assert hits == 0
    server.close()


async def test_an_answer_without_end_is_not_read_to_its_end(connected: Connected) -> None:
    async with served(probe_server(), stateless=True) as port:
        source = await connected(url=f"http://127.0.0.1:{port}/mcp", max_response_bytes=20_000)
        with pytest.raises(PenstockError):
            await tool(source, "much.text").call({}, CONTEXT)
        await source.close()


TOOLS_FILE = """
allowed_hosts: [127.0.0.1]
allowed_networks: [127.0.0.0/8]
http:
  - name: list_devices
    description: Lists other devices.
    url: http://127.0.0.1:{port}/devices
mcp:
  - name: probe
    url: http://127.0.0.1:{port}/mcp
"""


@pytest.fixture
async def probe_port() -> AsyncGenerator[int]:
    async with served(probe_server()) as port:
        yield port


@pytest.fixture
def with_tools(probe_port: int, tmp_path: Path) -> Path:
    path = tmp_path / "tools.yaml"
    path.write_text(TOOLS_FILE.replace("{port}", str(probe_port)))
    return path


async def test_a_turn_uses_an_operators_tool_and_a_taken_name_gets_a_prefix(
    with_tools: Path, chat_with: Callable[..., Any]
) -> None:
    async with chat_with(tools_file=str(with_tools)) as chat:
        async with asyncio.timeout(HANG_SECONDS):
            await chat.resources.operator_tools.sources[1].try_connect()
        chat.llm.rounds = [
            chat.calls(("add", '{"a": 20, "b": 22}'), ("http__list_devices", "{}"), ("add", '{"a": "x"}')),
            chat.says("Done."),
        ]
        events = await chat.answer(await chat.conversation(), "Add.")
        offered = [each.name for each in chat.llm.completions[0].tools]
        assert offered == [
            "list_devices", "device_statistics", "device_query", "device_features", "device_anomalies", "prepare_alarm",
            "http__list_devices", "add", "fail", "wait", "much_text",
        ]  # fmt: skip
        results = {
            (event.tool_result.name, event.tool_result.is_error): event.tool_result.content
            for event in events
            if event.WhichOneof("event") == "tool_result"
        }
        assert results["add", False] == "42"
        assert "404" in results["http__list_devices", True]
        assert "'b' is a required property" in results["add", True]
        assert "$.a: 'x' is not of type 'integer'" in results["add", True]


async def test_a_personality_keeps_to_its_tools_even_when_the_model_does_not(
    with_tools: Path, chat_with: Callable[..., Any]
) -> None:
    async with chat_with(tools_file=str(with_tools)) as chat:
        async with asyncio.timeout(HANG_SECONDS):
            await chat.resources.operator_tools.sources[1].try_connect()
        personality = await chat.personality(name="Adder", prompt="Add.", tools=["add"])
        chat.llm.rounds = [chat.calls(("wait", "{}"), ("add", '{"a": 1, "b": 2}')), chat.says("Done.")]
        events = await chat.answer(await chat.conversation(), "Add.", personality_id=personality)
        assert [each.name for each in chat.llm.completions[0].tools] == ["add"]
        results = {event.tool_result.name: event.tool_result for event in events if event.HasField("tool_result")}
        assert results["wait"].is_error
        assert results["wait"].content == "there is no tool 'wait'; the tools are add"
        assert not results["add"].is_error


async def test_the_device_tools_are_served_without_a_chat(chat: Any) -> None:
    from penstock.chat.v1 import chat_pb2 as pb

    listed = await chat.tools.ListTools(pb.ListToolsRequest())
    assert [each.name for each in listed.tools] == [
        "list_devices", "device_statistics", "device_query", "device_features", "device_anomalies", "prepare_alarm",
    ]  # fmt: skip
    assert json.loads(listed.tools[1].parameters_json)["required"] == ["device_code"]
    good = await chat.tools.CallTool(pb.CallToolRequest(name="list_devices", arguments_json="{}"))
    assert (json.loads(good.content)["devices"], good.is_error) == ([], False)
    bad = await chat.tools.CallTool(pb.CallToolRequest(name="device_statistics", arguments_json='{"device_code": 1}'))
    assert bad.is_error
    assert "$.device_code" in bad.content
