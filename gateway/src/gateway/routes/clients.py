"""``/api/v1/clients``: a user's clients, and the WebSocket that each of them holds."""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Query, Response, WebSocket
from penstock.chat.v1 import chat_pb2 as pb
from pydantic import Field

from gateway.auth.guard import Guard
from gateway.auth.scope import CHAT
from gateway.auth.session_monitor import SessionMonitor
from gateway.auth.ticket import MAX_LENGTH, Tickets
from gateway.chat.client_feed import ClientFeed, ClientWebSocket
from gateway.chat.websocket_admission import deny_websocket, serve_while_admitted
from gateway.convert.conversation import client_from_proto
from gateway.http.heartbeats import Heartbeats
from gateway.http.json import JsonResponse
from gateway.http.names import PlainName
from gateway.http.timeouts import StreamTimeouts
from gateway.routes.parameters import IdempotencyKey
from gateway.routes.router import add, api_router
from gateway.routes.strict import KnownParameters, RequestModel
from penstock_kit.context import current_context
from penstock_kit.errors import NotFound, PenstockError

if TYPE_CHECKING:
    from penstock.chat.v1.chat_pb2_grpc import ClientServiceAsyncStub


class ClientCreate(RequestModel):
    """A client (device, tab) of the caller."""

    name: PlainName = Field(default="", max_length=200, description="As the user knows it, such as `Ann's phone`.")
    kind: str = Field(default="", max_length=200, description="`web`, `mobile`, `cli` …")
    client_id: str = Field(default="", max_length=200, description="Of a client to rename; empty: a new one.")


class ClientRoutes:
    """The routes below ``/api/v1/clients``, and ``/api/v1/ws/clients/{client_id}``."""

    def __init__(
        self,
        *,
        registrations: "ClientServiceAsyncStub",
        timeouts: StreamTimeouts,
        heartbeats: Heartbeats,
        guard: Guard,
        tickets: Tickets,
        monitor: SessionMonitor,
    ) -> None:
        self._monitor = monitor
        self._known_parameters = KnownParameters()
        self._registrations = registrations
        self._timeouts = timeouts
        self._heartbeats = heartbeats
        self._guard = guard
        self._tickets = tickets
        self.router: APIRouter = api_router("clients")
        member = [Depends(guard.needs(CHAT))]
        one = "/api/v1/clients/{client_id}"
        add(self.router, "POST /api/v1/clients", self.register_client, dependencies=member, status_code=201)
        add(self.router, "GET /api/v1/clients", self.list_clients, dependencies=member)
        add(self.router, f"DELETE {one}", self.unregister_client, dependencies=member, status_code=204)
        add(self.router, f"POST {one}/ticket", self.create_ticket, dependencies=member, status_code=201)
        self.router.add_api_websocket_route("/api/v1/ws/clients/{client_id}", self.watch)

    async def register_client(self, body: ClientCreate | None = None, idempotency_key: IdempotencyKey = "") -> Response:
        """Register a client. The events of all your conversations come to its WebSocket,
        `/api/v1/ws/clients/{id}`, but for those of questions that name it as their `client_id`."""
        requested = body or ClientCreate()
        request = pb.RegisterClientRequest(**requested.model_dump(), request_id=idempotency_key)
        response = await self._registrations.RegisterClient(request)
        return JsonResponse(client_from_proto(response.client), 201)

    async def list_clients(self) -> Response:
        """List your clients: which are connected, since when, and to which replica."""
        return JsonResponse({"clients": [client_from_proto(client) for client in await self._own()]})

    async def unregister_client(self, client_id: str, idempotency_key: IdempotencyKey = "") -> Response:
        """Forget a client."""
        request = pb.UnregisterClientRequest(id=client_id, request_id=idempotency_key)
        await self._registrations.UnregisterClient(request)
        return Response(status_code=204)

    async def create_ticket(self, client_id: str) -> Response:
        """Return a ticket that opens this client's WebSocket once, within 30 s: `…?ticket=…`."""
        if client_id not in {client.id for client in await self._own()}:
            raise NotFound(f"there is no client {client_id!r}", reason="CLIENT_NOT_FOUND")
        ticket = self._tickets.issue(current_context().caller, client_id)
        return JsonResponse({"ticket": ticket, "expires_in": self._tickets.life}, 201)

    async def watch(
        self,
        websocket: WebSocket,
        client_id: str,
        *,
        ticket: Annotated[str, Query(max_length=MAX_LENGTH)] = "",
        cursor: Annotated[str, Query(max_length=100_000)] = "",
    ) -> None:
        """Get the events of all conversations of the client's user, from `cursor` on."""
        window, heartbeat = self._timeouts.resume, self._timeouts.heartbeat
        feed = ClientFeed(self._registrations, client_id, cursor=cursor, window=window)
        socket = ClientWebSocket(websocket, client_id, feed, heartbeats=self._heartbeats, heartbeat=heartbeat)
        try:
            if ticket:
                caller = self._guard.enter(await self._tickets.redeem(ticket, client_id), CHAT)
            else:
                caller = await self._guard.admit(websocket.headers.raw, CHAT)
            await self._known_parameters(websocket)
            await serve_while_admitted(websocket, caller=caller, scope=CHAT, monitor=self._monitor, serve=socket.serve)
        except PenstockError as error:
            await websocket.send_denial_response(deny_websocket(error, websocket.url.path))

    async def _own(self) -> "list[pb.Client]":
        response = await self._registrations.ListClients(pb.ListClientsRequest())
        return list(response.clients)
