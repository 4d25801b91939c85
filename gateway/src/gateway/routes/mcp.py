"""``/mcp``: the device tools for other assistants, over MCP's Streamable HTTP without sessions."""

from typing import Final

from fastapi import Depends, Request, Response

from gateway.auth.guard import Guard
from gateway.auth.scope import TELEMETRY_READ
from gateway.http.json import JsonResponse
from gateway.mcp.message import INVALID_REQUEST, PARSE_ERROR, McpFault, answer, fault, request_from_json
from gateway.mcp.rebinding import RebindingGuard
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
            asked = request_from_json(await _body(request), dict(request.headers))
            if asked.id is None:
                return Response(status_code=_ACCEPTED)
            identity = asked.id
            if not asked.method:
                raise McpFault(INVALID_REQUEST, "method is missing; this server asks nothing of its clients")
            return JsonResponse(answer(asked, await self._server.result(asked)))
        except McpFault as error:
            return JsonResponse(fault(identity, error), error.status)


async def _body(request: Request) -> object:
    try:
        return await request.json()
    except InvalidArgument as error:
        raise McpFault(PARSE_ERROR, error.message) from None
