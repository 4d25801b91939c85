"""What an MCP server does to others: long answers, bad tools, forgotten sessions, changed lists."""

import asyncio
import gzip
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from chat_stream_service.adapters.operator_tools.configuration import ToolsConfiguration
from chat_stream_service.adapters.operator_tools.entry import McpEntry
from chat_stream_service.adapters.operator_tools.mcp_pace import MessagePace
from chat_stream_service.adapters.operator_tools.mcp_stdio import LineSplitter, LongLine
from chat_stream_service.adapters.operator_tools.mcp_transport import checked_transport
from chat_stream_service.adapters.operator_tools.operator_tools import OperatorTools
from chat_stream_service.domain.model.tool import Tool
from penstock_kit.clock import SystemClock
from penstock_kit.errors import FailedPrecondition, PenstockError
from penstock_kit.outbound.destinations import Destinations
from penstock_testkit.services.mcp import RawMcpServer, described, text_result
from penstock_testkit.waiting import HANG_SECONDS

from .test_mcp_tools import CONTEXT, DESTINATIONS, probe_server, served, tool

Connected = Callable[..., Any]

STDIO_SERVER = """
import sys
from mcp.server.mcpserver import Context, MCPServer
server = MCPServer("local")

@server.tool()
async def big() -> str:
    return "b" * 20_000_000

@server.tool()
async def noise() -> str:
    print("hello from a print", flush=True)
    return "printed"

@server.tool()
async def grow(context: Context) -> str:
    async def fresh() -> str:
        return "fresh"
    server.add_tool(fresh, name="fresh", description="New one.")
    await context.notify_tools_changed()
    return "added"

server.run("stdio")
"""


# By hand, as servers before 2026-07-28 speak: it tells of changes unasked.
OLD_STDIO_SERVER = """
import json, sys
names = ["grow"]

def say(message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)

for line in sys.stdin:
    message = json.loads(line)
    method, id = message.get("method"), message.get("id")
    if method == "initialize":
        about = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {"listChanged": True}}}
        say({"id": id, "result": {**about, "serverInfo": {"name": "old", "version": "1"}}})
    elif method == "tools/list":
        say({"id": id, "result": {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in names]}})
    elif method == "tools/call":
        names.append("fresh")
        say({"method": "notifications/tools/list_changed"})
        say({"id": id, "result": {"content": [{"type": "text", "text": "added"}]}})
    elif id is not None:
        say({"id": id, "error": {"code": -32601, "message": "no such method"}})
"""


@pytest.fixture
async def connected() -> AsyncGenerator[Connected]:
    async with AsyncExitStack() as stack:

        async def connect(**entry: Any) -> Any:
            configuration = ToolsConfiguration(mcp=(McpEntry(**{"name": "probe", **entry}),), destinations=DESTINATIONS)
            tools = OperatorTools(configuration, clock=SystemClock(), max_seconds=HANG_SECONDS)
            stack.push_async_callback(tools.close)
            tools.start()
            source: Any = tools.sources[0]
            async with asyncio.timeout(HANG_SECONDS):
                assert await source.try_connect()
            return source

        yield connect


def command(tmp_path: Path, program: str) -> list[str]:
    script = tmp_path / "server.py"
    script.write_text(program)
    return [sys.executable, str(script)]


@pytest.fixture
def stdio_server(tmp_path: Path) -> list[str]:
    return command(tmp_path, STDIO_SERVER)


async def called(source: Any, name: str) -> str:
    async with asyncio.timeout(HANG_SECONDS):
        return await tool(source, name).call({}, CONTEXT)


async def until_listed(source: Any, name: str) -> Tool:
    async with asyncio.timeout(HANG_SECONDS):
        while name not in [each.name for each in source.tools()]:  # noqa: ASYNC110 - the source tells nobody
            await asyncio.sleep(0.02)
    return tool(source, name)


@pytest.mark.alone
async def test_a_huge_answer_of_a_process_is_refused_and_its_session_lives_on(
    connected: Connected, stdio_server: list[str]
) -> None:
    source = await connected(command=stdio_server, timeout_seconds=HANG_SECONDS)
    session = source._session
    longest, done = 0.0, asyncio.Event()

    async def watch() -> None:
        nonlocal longest
        while not done.is_set():
            before = time.monotonic()
            await asyncio.sleep(0)
            longest = max(longest, time.monotonic() - before)

    watching = asyncio.create_task(watch())
    with pytest.raises(FailedPrecondition, match="answered more than 1,048,576 bytes; ask for less") as caught:
        await called(source, "big")
    done.set()
    await watching
    assert caught.value.reason == "TOOL_ANSWER_LIMIT_EXCEEDED"
    assert longest < 0.4
    assert await called(source, "noise") == "printed"
    assert source._session is session


@pytest.mark.parametrize("as_events", [False, True], ids=["as JSON", "as events"])
async def test_a_huge_answer_over_http_is_refused_and_its_session_lives_on(
    connected: Connected, as_events: bool
) -> None:
    results = {"big": lambda: text_result("b" * 3_000_000)}
    async with RawMcpServer([described("big"), described("small")], results=results, as_events=as_events) as server:
        source = await connected(url=server.url)
        with pytest.raises(FailedPrecondition, match="answered more than 1,048,576 bytes"):
            await called(source, "big")
        assert await called(source, "small") == "called small"
        assert server.opened == 1


async def test_a_tool_may_answer_as_much_as_its_entry_says(connected: Connected) -> None:
    results = {"big": lambda: text_result("b" * 3_000_000)}
    async with RawMcpServer([described("big")], results=results) as server:
        source = await connected(url=server.url, max_response_bytes=4_000_000)
        assert "[truncated: " in await called(source, "big")


async def test_a_call_that_finds_its_session_forgotten_is_made_once_more_in_a_new_one(connected: Connected) -> None:
    async with RawMcpServer([described("a")]) as server:
        source = await connected(url=server.url)
        server.sessions.clear()
        assert await called(source, "a") == "called a"
        assert (server.calls, server.opened) == (["a"], 2)


async def test_a_server_that_forgets_every_session_costs_two_attempts_and_no_more(connected: Connected) -> None:
    async with RawMcpServer([described("a")]) as server:
        source = await connected(url=server.url)

        class Forgetful(set[str]):
            def __contains__(self, session: object) -> bool:
                return False

        server.sessions = Forgetful()
        with pytest.raises(PenstockError) as caught:
            await called(source, "a")
        assert caught.value.retryable
        assert server.calls == []


BAD_TOOLS: dict[str, Any] = {
    "oversized": described("bad", inputSchema={"type": "object", "description": "x" * 100_000}),
    "self-referring": described("bad", inputSchema={"type": "object", "allOf": [{"$ref": "#"}]}),
    "without a schema": {"name": "bad"},
    "with a schema of another kind": described("bad", inputSchema=[1]),
    "without a name": {"inputSchema": {"type": "object"}},
    "no object": "bad",
    "with a keyword of another kind": described("bad", inputSchema={"type": "object", "required": True}),
    "nested deeply": described("bad", inputSchema={"type": "object", "properties": {"v": {"not": {}}}, "x": None}),
}
_nest: Any = 1
for _ in range(100):
    _nest = {"items": _nest}
BAD_TOOLS["nested deeply"]["inputSchema"]["properties"]["v"] = _nest


@pytest.mark.parametrize("bad", BAD_TOOLS)
async def test_a_bad_tool_costs_itself_and_not_its_server(connected: Connected, bad: str) -> None:
    async with RawMcpServer([described("first"), BAD_TOOLS[bad], described("last")]) as server:
        source = await connected(url=server.url)
        assert [each.name for each in source.tools()] == ["first", "last"]
        assert await called(source, "last") == "called last"


async def test_a_result_is_not_checked_against_a_pattern_of_its_server(connected: Connected) -> None:
    schema = {"type": "object", "properties": {"v": {"type": "string", "pattern": "^(a+)+$"}}}
    results = {"a": lambda: text_result("said", structuredContent={"v": "a" * 40 + "!"})}
    async with RawMcpServer([described("a", outputSchema=schema)], results=results) as server:
        source = await connected(url=server.url)
        assert await called(source, "a") == "said"


@pytest.mark.parametrize("program", [STDIO_SERVER, OLD_STDIO_SERVER], ids=["subscribed to", "unasked"])
async def test_tools_that_a_process_adds_are_offered_when_it_says_so(
    connected: Connected, tmp_path: Path, program: str
) -> None:
    source = await connected(command=command(tmp_path, program), timeout_seconds=HANG_SECONDS)
    assert await called(source, "grow") == "added"
    await until_listed(source, "fresh")


async def test_tools_that_a_server_adds_are_offered_when_it_says_so(connected: Connected) -> None:
    from mcp.server.mcpserver import Context

    probe = probe_server()

    @probe.tool()
    async def grow(context: Context) -> str:  # pyright: ignore[reportMissingTypeArgument, reportUnusedFunction]
        """Grow."""

        async def fresh() -> str:
            return "fresh"

        probe.add_tool(fresh, name="fresh", description="New one.")
        await context.notify_tools_changed()
        return "added"

    async with served(probe) as port:
        source = await connected(url=f"http://127.0.0.1:{port}/mcp")
        assert await called(source, "grow") == "added"
        await until_listed(source, "fresh")
        await source.close()


def test_lines_are_cut_wherever_they_are_broken() -> None:
    splitter = LineSplitter()
    found = [line for part in (b"a\nb", b"c\n", b"\nde", b"f") for line in splitter.feed(part, 100)]
    assert found == [b"a", b"bc", b""]


@pytest.mark.parametrize(
    ("line", "request_id"),
    [
        (b'{"jsonrpc":"2.0","id":7,"result":{"x":"' + b"y" * 500 + b'"}}', 7),
        (b'{"result":{"id":3,"x":"' + b"y" * 500 + b'"},"id": 8, "jsonrpc":"2.0"}', 8),
        (b'{"result":{"x":"' + b"y" * 500 + b'","id":3}}', None),
    ],
)
def test_a_line_too_long_is_dropped_and_tells_whom_it_answered(line: bytes, request_id: int | None) -> None:
    splitter = LineSplitter()
    parts = [line[start : start + 50] for start in range(0, len(line), 50)]
    found = [each for part in (*parts, b"\nnext\n") for each in splitter.feed(part, 100)]
    assert isinstance(found[0], LongLine)
    assert (found[0].request_id, found[1:]) == (request_id, [b"next"])


async def test_a_bomb_of_gzip_is_unpacked_no_further_than_an_answer_may_be_long() -> None:
    packed = gzip.compress(b"0" * 100_000_000)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        fields = ("content-type: application/json", "content-encoding: gzip", f"content-length: {len(packed)}")
        writer.write("\r\n".join(("HTTP/1.1 200 OK", *fields, "", "")).encode() + packed)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    transport = checked_transport(
        Destinations(hosts=("127.0.0.1",), networks=DESTINATIONS.networks), max_bytes=10_000, pace=MessagePace()
    )
    async with httpx2.AsyncClient(transport=transport) as client:
        response = await client.post(f"http://127.0.0.1:{port}/", json={"id": 5, "method": "tools/call"})
    assert response.json()["id"] == 5
    assert "more than 10,000 bytes" in response.json()["error"]["message"]
    server.close()


async def test_a_server_that_never_lists_its_tools_is_given_up_after_its_time(tmp_path: Path) -> None:
    mute = OLD_STDIO_SERVER.replace(
        'elif method == "tools/list":', 'elif method == "tools/list":\n        continue\n    elif 0:'
    )
    entry = McpEntry(name="probe", command=command(tmp_path, mute), timeout_seconds=0.2)
    tools = OperatorTools(
        ToolsConfiguration(mcp=(entry,), destinations=DESTINATIONS), clock=SystemClock(), max_seconds=HANG_SECONDS
    )
    tools.start()
    source: Any = tools.sources[0]
    try:
        async with asyncio.timeout(HANG_SECONDS):
            assert not await source.try_connect()
    finally:
        await tools.close()
    assert not source.tools()
