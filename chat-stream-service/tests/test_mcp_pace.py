"""An MCP server that talks without end costs its connection, and nobody's chat."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from chat_stream_service.adapters.operator_tools.configuration import ToolsConfiguration
from chat_stream_service.adapters.operator_tools.entry import McpEntry
from chat_stream_service.adapters.operator_tools.mcp_pace import BURST, PER_SECOND, MessagePace
from chat_stream_service.adapters.operator_tools.operator_tools import OperatorTools
from penstock_kit.clock import SystemClock
from penstock_kit.errors import Unavailable
from penstock_testkit.clock import ManualClock
from penstock_testkit.services.mcp import RawMcpServer, described
from penstock_testkit.waiting import HANG_SECONDS

from .test_mcp_tools import CONTEXT, DESTINATIONS, tool

# Tells of its progress before it answers: as often as it is told to, or for ever.
TALKER = """
import json, sys

def say(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\\n")

for line in sys.stdin:
    message = json.loads(line)
    method, id = message.get("method"), message.get("id")
    if method == "initialize":
        about = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}}
        say({"id": id, "result": {**about, "serverInfo": {"name": "talker", "version": "1"}}})
    elif method == "tools/list":
        names = ["chat", "flood", "print"]
        say({"id": id, "result": {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in names]}})
    elif method == "tools/call":
        name, told = message["params"]["name"], 0
        while name != "chat" or told < 900:
            told += 1
            if name == "print":
                sys.stdout.write("\\n")
            else:
                say({"method": "notifications/message", "params": {"level": "info", "data": "x"}})
        say({"id": id, "result": {"content": [{"type": "text", "text": "said"}]}})
    elif id is not None:
        say({"id": id, "error": {"code": -32601, "message": "no such method"}})
    sys.stdout.flush()
"""


class TalkingServer(RawMcpServer):
    """Sends events before the answer to a call: ``chat`` 900, ``flood`` and ``comments`` without end."""

    async def _answer(self, request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
        if message["method"] != "tools/call":
            return await super()._answer(request, message)
        name, told = message["params"]["name"], 0
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        note = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}}
        event = b": nothing\n\n" if name == "comments" else b"data: " + json.dumps(note).encode() + b"\n\n"
        while name != "chat" or told < 900:
            told += 50
            await response.write(event * 50)
        result = {"jsonrpc": "2.0", "id": message["id"], "result": {"content": [{"type": "text", "text": "said"}]}}
        await response.write(b"data: " + json.dumps(result).encode() + b"\n\n")
        return response


@pytest.fixture
async def connect() -> AsyncGenerator[Callable[..., Any]]:
    async with AsyncExitStack() as stack:

        async def connect(**entry: Any) -> Any:
            fields: dict[str, Any] = {"name": "talker", "timeout_seconds": HANG_SECONDS, **entry}
            configuration = ToolsConfiguration(mcp=(McpEntry(**fields),), destinations=DESTINATIONS)
            tools = OperatorTools(configuration, clock=SystemClock(), max_seconds=HANG_SECONDS)
            stack.push_async_callback(tools.close)
            tools.start()
            source: Any = tools.sources[0]
            async with asyncio.timeout(HANG_SECONDS):
                assert await source.try_connect()
            return source

        yield connect


async def check(source: Any, name: str) -> None:
    """A call of the tool fails for what its server says, and the next one of a civil tool is served."""
    async with asyncio.timeout(HANG_SECONDS):
        with pytest.raises(Unavailable, match="was disconnected: it sent more than 1,000 messages at once") as caught:
            await tool(source, name).call({}, CONTEXT)
        assert caught.value.reason == "TOOL_UNAVAILABLE"
        assert await tool(source, "chat").call({}, CONTEXT) == "said"


@pytest.mark.parametrize("name", ["flood", "print"])
async def test_a_process_that_talks_without_end_is_disconnected_and_says_so(
    connect: Callable[..., Any], tmp_path: Path, name: str
) -> None:
    script = tmp_path / "server.py"
    script.write_text(TALKER)
    await check(await connect(command=[sys.executable, str(script)]), name)


@pytest.mark.parametrize("name", ["flood", "comments"])
async def test_a_server_that_talks_without_end_over_http_is_disconnected_and_says_so(
    connect: Callable[..., Any], name: str
) -> None:
    async with TalkingServer([described(each) for each in ("chat", "flood", "comments")]) as server:
        await check(await connect(url=server.url), name)


async def test_a_server_that_floods_instead_of_listing_its_tools_is_told_of_in_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "server.py"
    script.write_text(
        TALKER.replace(
            'elif method == "tools/list":', 'elif method == "tools/list":\n        while True: say({"method": "x"})'
        )
    )
    entry = McpEntry(name="talker", command=[sys.executable, str(script)], timeout_seconds=HANG_SECONDS)
    configuration = ToolsConfiguration(mcp=(entry,), destinations=DESTINATIONS)
    tools = OperatorTools(configuration, clock=SystemClock(), max_seconds=HANG_SECONDS)
    tools.start()
    source: Any = tools.sources[0]
    try:
        async with asyncio.timeout(HANG_SECONDS):
            assert not await source.try_connect()
    finally:
        await tools.close()
    [told] = [line for line in capsys.readouterr().out.splitlines() if "mcp server is down" in line]
    assert "sent more than 1,000 messages at once" in told


def test_a_connection_brings_a_burst_and_then_so_many_a_second() -> None:
    clock, told = ManualClock(), list[str]()
    pace = MessagePace(clock)
    pace.on_excess = lambda: told.append("too fast")
    assert pace.admits(BURST, 0)
    for _ in range(30):
        clock.advance(1)
        assert pace.admits(PER_SECOND, 0)
    clock.advance(3600)
    assert pace.admits(BURST, 0)
    assert not told
    assert not pace.admits(1, 0)
    clock.advance(3600)
    assert not pace.admits(1, 0)
    assert told == ["too fast"]


def test_bytes_without_an_end_count_as_messages() -> None:
    pace = MessagePace(ManualClock())
    assert pace.admits(0, 900 * 1024 * 1024)
    assert not pace.admits(0, 101 * 1024 * 1024)
