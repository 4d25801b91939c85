"""The worst that tools, their servers and their arguments can do, while another caller watches how long he waits."""

import asyncio
import gzip
import json
import sys
import time
import urllib.request
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from penstock.chat.v1 import chat_pb2 as pb
from penstock.llm.v1 import llm_pb2, llm_pb2_grpc

from penstock_kit.context import CallContext, use_context
from penstock_testkit.servers.process import free_port
from penstock_testkit.services import FakeLlm, answer_events, serve
from penstock_testkit.services.mcp import RawMcpServer, described
from penstock_testkit.waiting import HANG_SECONDS
from tests.faults.stream_replica import ANN, Replica, replica

# Seconds that one caller's tool may cost another's answer, with room for a busy machine; unbounded it was 8 to 17.
HELD = 3.0

STDIO_SERVER = """
import json, sys
tool = {"name": "big", "inputSchema": {"type": "object"}}
for line in sys.stdin:
    message = json.loads(line)
    method, id = message.get("method"), message.get("id")
    if method == "initialize":
        about = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}}
        result = {**about, "serverInfo": {"name": "s", "version": "1"}}
    elif method == "tools/list":
        result = {"tools": [tool]}
    elif method == "tools/call":
        result = {"content": [{"type": "text", "text": "b" * 20_000_000}]}
    else:
        if id is not None:
            print(json.dumps({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "no"}}), flush=True)
        continue
    print(json.dumps({"jsonrpc": "2.0", "id": id, "result": result}), flush=True)
"""

TOOLS = """
allowed_hosts: [127.0.0.1]
allowed_networks: [127.0.0.0/8]
http:
  - {{name: bomb, description: Answers 200 MB of zeros in 200 kB., url: "http://127.0.0.1:{bomb}/"}}
mcp:
  - {{name: raw, url: "{raw}"}}
  - {{name: local, command: {command}}}
"""

DOUBLING = {f"d{level}": {"allOf": [{"$ref": f"#/$defs/d{level + 1}"}] * 2} for level in range(22)}
SCHEMAS: dict[str, Any] = {
    "backtracks": {"type": "object", "properties": {"v": {"type": "string", "pattern": "^(a+)+$"}}},
    "doubles": {
        "type": "object",
        "properties": {"v": {"$ref": "#/$defs/d0"}},
        "$defs": {**DOUBLING, "d22": {"type": "string"}},
    },
    "compares": {"type": "object", "properties": {"v": {"type": "array", "uniqueItems": True}}},
    "answers": {"type": "object"},
}
RESULT_SCHEMA = {"type": "object", "properties": {"v": {"type": "string", "pattern": "^(a+)+$"}}}


class ToolCallingLlm(FakeLlm):
    """A model that calls the tool which the question names (``CALL tool {json}``), and says its result back."""

    async def StreamComplete(  # noqa: N802 - the RPC's name
        self, request: llm_pb2.StreamCompleteRequest, context: Any
    ) -> AsyncIterator[llm_pb2.StreamCompleteResponse]:
        last = request.completion.messages[-1]
        text = "".join(part.text for part in last.parts)
        if last.role == llm_pb2.ROLE_USER and text.startswith("CALL "):
            _, name, arguments = text.split(" ", 2)
            call = llm_pb2.ToolCallDelta(call_index=0, id="c", name=name, arguments=arguments)
            finish = llm_pb2.Finished(finish_reason="tool_calls")
            started = llm_pb2.Started(id="a", provider="p", model="m")
            events = [
                llm_pb2.CompletionEvent(started=started),
                llm_pb2.CompletionEvent(tool_call=call),
                llm_pb2.CompletionEvent(finished=finish),
            ]
            yield llm_pb2.StreamCompleteResponse(events=events)
            return
        for step in answer_events("said ", text[:200]):
            yield llm_pb2.StreamCompleteResponse(events=step)  # type: ignore[arg-type]


@dataclass
class Watched:
    """The service, and how long another caller's answers take."""

    chat: Replica
    metrics: int
    waits: list[float] = field(default_factory=list)

    async def watch(self) -> None:
        """Ask again and again in a conversation of one's own."""
        conversation = await self.chat.conversation()
        while True:
            began = time.monotonic()
            async for _ in self.chat.ask(conversation):
                pass
            self.waits.append(time.monotonic() - began)
            await asyncio.sleep(0.02)

    async def call(self, tool: str, arguments: str) -> pb.ToolResult:
        """Have a tool called, and return its result."""
        request = pb.StreamChatRequest(
            conversation_id=await self.chat.conversation(), content=f"CALL {tool} {arguments}"
        )
        async with asyncio.timeout(HANG_SECONDS):
            events = [event async for message in self.chat.streams.StreamChat(request) for event in message.events]
        return next(event.tool_result for event in events if event.HasField("tool_result"))

    async def worst_lag(self) -> float:
        """The longest that the event loop was held since this was last asked."""
        url = f"http://127.0.0.1:{self.metrics}/metrics"
        text = (await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=HANG_SECONDS).read())).decode()
        line = next(line for line in text.splitlines() if line.startswith("event_loop_lag_worst_seconds{"))
        return float(line.rpartition(" ")[2])


async def bomb_server(stack: AsyncExitStack) -> int:
    packed = gzip.compress(b"0" * 200_000_000)

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=packed, headers={"content-encoding": "gzip", "content-type": "text/plain"})

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return int(runner.addresses[0][1])


def structured() -> dict[str, Any]:
    return {"content": [{"type": "text", "text": "said"}], "structuredContent": {"v": "a" * 40 + "!"}}


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncGenerator[Watched]:
    async with AsyncExitStack() as stack:
        stack.enter_context(use_context(CallContext(request_id="req_c", caller=ANN)))
        llm = await stack.enter_async_context(serve((llm_pb2_grpc.add_LlmServiceServicer_to_server, ToolCallingLlm())))
        tools = [described(name, inputSchema=schema, outputSchema=RESULT_SCHEMA) for name, schema in SCHEMAS.items()]
        raw = await stack.enter_async_context(RawMcpServer(tools, results={"answers": structured}))
        script, metrics = tmp_path / "server.py", free_port()
        script.write_text(STDIO_SERVER)
        command = json.dumps([sys.executable, str(script)])
        file = tmp_path / "tools.yaml"
        file.write_text(TOOLS.format(bomb=await bomb_server(stack), raw=raw.url, command=command))
        settings = {"CHAT_TOOLS_FILE": str(file), "CHAT_STREAM_SERVICE_METRICS_PORT": str(metrics)}
        chat = await stack.enter_async_context(replica(tmp_path / "home", llm, **settings))
        yield Watched(chat=chat, metrics=metrics)


WORST = {
    "a pattern that backtracks": ("backtracks", json.dumps({"v": "a" * 40 + "!"}), "does not match"),
    "references that double at every level": ("doubles", '{"v": "a"}', "take too long to check"),
    "a list to be compared": ("compares", json.dumps({"v": [[n, {"n": n}] for n in range(9_000)]}), "called compares"),
    "arguments nested without end": ("answers", '{"v": ' + "[" * 90_000 + "]" * 90_000 + "}", "nested too deeply"),
    "more arguments than are read": ("answers", json.dumps({"v": "x" * 400_000})[:199_000], "not JSON"),
    "a result against a pattern of its server": ("answers", "{}", "said"),
    "20 MB from a process": ("big", "{}", "answered more than 1,048,576 bytes"),
    "a bomb of gzip": ("bomb", "{}", "answered more than 1,048,576 bytes"),
}


@pytest.mark.alone
async def test_the_worst_of_tools_costs_the_answers_of_others_no_time_that_counts(watched: Watched) -> None:
    async with asyncio.timeout(HANG_SECONDS):
        for tool in ("big", "backtracks"):
            # Its server is still being connected to.
            while "there is no tool" in (await watched.call(tool, "[]")).content:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    watching = asyncio.create_task(watched.watch())
    await watched.worst_lag()
    held: dict[str, tuple[float, float]] = {}
    for name, (tool, arguments, told) in WORST.items():
        watched.waits.clear()
        result = await watched.call(tool, arguments)
        assert told in result.content, name
        async with asyncio.timeout(HANG_SECONDS):
            while not watched.waits:  # noqa: ASYNC110 - the other caller gets an answer while and after it
                await asyncio.sleep(0.01)
        held[name] = max(watched.waits), await watched.worst_lag()
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert max(wait for wait, _ in held.values()) < HELD, held
    assert max(lag for _, lag in held.values()) < HELD, held
