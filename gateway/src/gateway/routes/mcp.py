"""``/mcp``: the device tools for other assistants, over MCP's Streamable HTTP without sessions."""

from typing import Final

from fastapi import Request, Response

from gateway.auth.guard import Guard
from gateway.auth.scope import TELEMETRY_READ
from gateway.json import JsonResponse
from gateway.mcp.message import INVALID_REQUEST, PARSE_ERROR, McpFault, answer, fault, request_from_json
from gateway.mcp.server import McpServer
from gateway.routes.router import add, api_router
from penstock_kit.errors import InvalidArgument, PermissionDenied

_ACCEPTED: Final = 202
_ANY: Final = "*"


class McpRoutes:
    """One route: POST. There is no stream to GET and no session to DELETE, which is answered with 405."""

    def __init__(self, *, server: McpServer, guard: Guard, origins: tuple[str, ...]) -> None:
        self._server = server
        self._origins = origins
        self.router = api_router("mcp", guard.needs(TELEMETRY_READ))
        add(self.router, "POST /mcp", self.exchange)

    async def exchange(self, request: Request) -> Response:
        """Answer one JSON-RPC message of the Model Context Protocol; a notification is taken with 202."""
        self._check_origin(request)
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

    def _check_origin(self, request: Request) -> None:
        """A page of another origin must not use a browser as its way in."""
        origin = request.headers.get("origin")
        if origin is not None and _ANY not in self._origins and origin not in self._origins:
            raise PermissionDenied(f"the origin {origin!r} may not call this", reason="ORIGIN_NOT_ALLOWED")


async def _body(request: Request) -> object:
    try:
        return await request.json()
    except InvalidArgument as error:
        raise McpFault(PARSE_ERROR, error.message) from None
