"""An MCP server that speaks the wire of 2025-06-18 by hand, so that it can do what no library lets a server do."""

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

import orjson
from aiohttp import web

_VERSION: Final = "2025-06-18"
_SESSION: Final = "mcp-session-id"
_EMPTY_SCHEMA: Final[Mapping[str, Any]] = {"type": "object", "properties": {}}


def described(name: str, **fields: Any) -> dict[str, Any]:
    """Return a tool as a list tells it."""
    return {"name": name, "description": f"Does {name}.", "inputSchema": _EMPTY_SCHEMA, **fields}


class RawMcpServer:
    """Serves `tools` as they are given, valid or not. A call's result is ``called NAME``, or what `results` makes.

    `sessions` are those it knows: clear it and it has forgotten all of them. `calls` holds the calls it ran, in order.
    """

    def __init__(
        self, tools: Sequence[Any], *, results: Mapping[str, Callable[[], Any]] | None = None, as_events: bool = False
    ) -> None:
        self.tools = list(tools)
        self.sessions: set[str] = set()
        self.opened = 0
        self.calls: list[str] = []
        self._results = results or {}
        self._as_events = as_events
        self._runner: web.AppRunner | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Where its endpoint is."""
        return f"http://127.0.0.1:{self.port}/mcp"

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/mcp", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.method != "POST":
            return web.Response(status=405 if request.method == "GET" else 200)
        message = orjson.loads(await request.read())
        method, session = message.get("method"), request.headers.get(_SESSION)
        if method == "initialize":
            return self._initialized(message)
        if session is None:
            return web.Response(status=400)
        if session not in self.sessions:
            return web.Response(status=404, text="no such session")
        if "id" not in message:
            return web.Response(status=202)
        return await self._answer(request, message)

    def _initialized(self, message: dict[str, Any]) -> web.Response:
        self.opened += 1
        session = f"session-{self.opened}"
        self.sessions.add(session)
        result: Mapping[str, Any] = {
            "protocolVersion": _VERSION,
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "raw", "version": "1"},
        }
        body: Mapping[str, Any] = {"jsonrpc": "2.0", "id": message["id"], "result": result}
        return web.json_response(body, headers={_SESSION: session})

    async def _answer(self, request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
        body = orjson.dumps({"jsonrpc": "2.0", "id": message["id"], "result": self._result(message)})
        if not self._as_events:
            return web.Response(body=body, content_type="application/json")
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"event: message\ndata: " + body + b"\n\n")
        return response

    def _result(self, message: dict[str, Any]) -> Any:
        if message["method"] == "tools/list":
            return {"tools": self.tools}
        if message["method"] == "tools/call":
            name = message["params"]["name"]
            self.calls.append(name)
            made = self._results.get(name)
            return made() if made else text_result(f"called {name}")
        return {}


def text_result(text: str, **fields: Any) -> dict[str, Any]:
    """Return a call's result that is one text."""
    return {"content": [{"type": "text", "text": text}], **fields}
