"""``/mcp``: the device tools for other assistants, over MCP's Streamable HTTP without sessions."""

from typing import Final

from fastapi import Depends, Request, Response

from gateway.auth.guard import Guard
from gateway.auth.rebinding import RebindingGuard
from gateway.auth.scope import TELEMETRY_READ
from gateway.http.json import JsonResponse
from gateway.mcp.message import INVALID_REQUEST, PARSE_ERROR, McpError, error_message, request_from_json, result_message
from gateway.mcp.server import McpServer
from gateway.routes.router import add, api_router
from penstock_kit.errors import InvalidArgument

_ACCEPTED: Final = 202


class McpRoutes:
    """One route: POST. There is no stream to GET and no session to DELETE, which is answered with 405."""

    def __init__(self, *, server: McpServer, guard: Guard, rebinding: RebindingGuard) -> None:
        self._server = server
        self._rebinding = rebinding
        self.router = api_router("mcp", self._known_host)
        self.router.dependencies.append(Depends(guard.needs(TELEMETRY_READ)))
        add(self.router, "POST /mcp", self.exchange)

    async def _known_host(self, request: Request) -> None:
        self._rebinding.check(host=request.headers.get("host", ""), origin=request.headers.get("origin"))

    async def exchange(self, request: Request) -> Response:
        """Answer one JSON-RPC message of the Model Context Protocol; a notification is taken with 202."""
        identity: str | int | None = None
        try:
            requested = request_from_json(await _body(request), dict(request.headers))
            if requested.id is None:
                return Response(status_code=_ACCEPTED)
            identity = requested.id
            if not requested.method:
                raise McpError(INVALID_REQUEST, "method is missing; this server asks nothing of its clients")
            return JsonResponse(result_message(requested, await self._server.result(requested)))
        except McpError as error:
            return JsonResponse(error_message(identity, error), error.status)


async def _body(request: Request) -> object:
    try:
        return await request.json()
    except InvalidArgument as error:
        raise McpError(PARSE_ERROR, error.message) from None
