"""What the MCP server answers: who it is, its tools, and their results."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import orjson
from penstock.chat.v1 import chat_pb2 as pb
from penstock.common.v1 import common_pb2

from gateway.http.json import compact
from gateway.mcp.message import (
    HANDSHAKE_VERSIONS,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    MODERN_VERSIONS,
    McpError,
    McpRequest,
)

if TYPE_CHECKING:
    from penstock.chat.v1.chat_pb2_grpc import ToolServiceAsyncStub

_INSTRUCTIONS: Final = (
    "Tools over the telemetry of this team's machines. Call list_devices first for the codes and fields; times are "
    "ISO 8601, UTC when they have no zone, and ends are exclusive."
)
_CAPABILITIES: Final = {"tools": {"listChanged": False}}
_NOT_FOUND: Final = 404
_OK: Final = 200


class McpServer:
    """Maps MCP's methods onto the chat-stream-service's ToolService, which does the work. It keeps no sessions."""

    def __init__(self, *, tools: "ToolServiceAsyncStub", version: str) -> None:
        self._tools = tools
        self._info = {"name": "penstock", "title": "Penstock", "version": version}

    async def result(self, request: McpRequest) -> Mapping[str, Any]:
        """Return the result of a request; McpError for a method or parameters that are not known."""
        match request.method:
            case "initialize":
                return self._initialize(request)
            case "server/discover":
                return self._discover()
            case "ping":
                return {}
            case "tools/list":
                return await self._list(request)
            case "tools/call":
                return await self._call(request)
            case _:
                status = _NOT_FOUND if request.modern else _OK
                raise McpError(METHOD_NOT_FOUND, f"there is no method {request.method!r} here", status=status)

    def _initialize(self, request: McpRequest) -> Mapping[str, Any]:
        requested = request.params.get("protocolVersion")
        return {
            "protocolVersion": requested if requested in HANDSHAKE_VERSIONS else HANDSHAKE_VERSIONS[-1],
            "capabilities": _CAPABILITIES,
            "serverInfo": self._info,
            "instructions": _INSTRUCTIONS,
        }

    def _discover(self) -> Mapping[str, Any]:
        return {
            "supportedVersions": [*HANDSHAKE_VERSIONS, *MODERN_VERSIONS],
            "capabilities": _CAPABILITIES,
            "instructions": _INSTRUCTIONS,
            "ttlMs": 0,
            "cacheScope": "private",
            "_meta": {"io.modelcontextprotocol/serverInfo": self._info},
        }

    async def _list(self, request: McpRequest) -> Mapping[str, Any]:
        response = await self._tools.ListTools(pb.ListToolsRequest())
        listed: dict[str, Any] = {"tools": [_tool(tool) for tool in response.tools]}
        return {**listed, "ttlMs": 0, "cacheScope": "private"} if request.modern else listed

    async def _call(self, request: McpRequest) -> Mapping[str, Any]:
        arguments: Any = request.params.get("arguments") or {}
        if not isinstance(arguments, Mapping):
            raise McpError(INVALID_PARAMS, "params.arguments must be an object")
        requested = pb.CallToolRequest(name=request.text("name"), arguments_json=compact(arguments, "params.arguments"))
        response = await self._tools.CallTool(requested)
        return {"content": [{"type": "text", "text": response.content}], "isError": response.is_error}


def _tool(tool: common_pb2.ToolDefinition) -> dict[str, Any]:
    return {
        "name": tool.name,
        "description": tool.description,
        "inputSchema": orjson.loads(tool.parameters_json or b'{"type":"object"}'),
        "annotations": {"readOnlyHint": True, "openWorldHint": False},
    }
