"""``/api/v1/ws/conversations/{id}``: a conversation over a WebSocket."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Query, Response, WebSocket
from penstock.chat.v1 import chat_pb2 as pb

from gateway.auth.guard import Guard
from gateway.auth.scope import CHAT
from gateway.auth.session_monitor import SessionMonitor
from gateway.auth.ticket import MAX_LENGTH, Tickets
from gateway.chat.sse_response import SseResponseFactory
from gateway.chat.websocket import ConversationWebSocket
from gateway.chat.websocket_admission import deny_websocket, serve_while_admitted
from gateway.http.json import JsonResponse
from gateway.routes.parameters import After
from gateway.routes.router import add, api_router
from gateway.routes.strict import KnownParameters
from penstock_kit.context import current_context
from penstock_kit.errors import PenstockError

if TYPE_CHECKING:
    from penstock.chat.v1.chat_pb2_grpc import ConversationServiceAsyncStub


class SocketRoutes:
    """The WebSocket of a conversation, and the ticket that browsers open it with."""

    def __init__(
        self,
        *,
        conversations: "ConversationServiceAsyncStub",
        responses: SseResponseFactory,
        guard: Guard,
        tickets: Tickets,
        monitor: SessionMonitor,
    ) -> None:
        self._monitor = monitor
        self._known_parameters = KnownParameters()
        self._conversations = conversations
        self._responses = responses
        self._guard = guard
        self._tickets = tickets
        self.router: APIRouter = api_router("conversations")
        member = [Depends(guard.needs(CHAT))]
        one = "/api/v1/conversations/{conversation_id}"
        add(self.router, f"POST {one}/ticket", self.create_ticket, dependencies=member, status_code=201)
        self.router.add_api_websocket_route("/api/v1/ws/conversations/{conversation_id}", self.converse)

    async def create_ticket(self, conversation_id: str) -> Response:
        """Return a ticket that opens this conversation's WebSocket once, within 30 s: `…?ticket=…`."""
        await self._check(conversation_id)
        ticket = self._tickets.issue(current_context().caller, conversation_id)
        return JsonResponse({"ticket": ticket, "expires_in": self._tickets.life}, 201)

    async def converse(
        self,
        websocket: WebSocket,
        conversation_id: str,
        *,
        ticket: Annotated[str, Query(max_length=MAX_LENGTH)] = "",
        stream_id: Annotated[str, Query(max_length=200)] = "",
        after: After = 0,
    ) -> None:
        """Ask, resume and stop over one connection; the events are those of the HTTP streams."""
        try:
            if ticket:
                caller = self._guard.enter(await self._tickets.redeem(ticket, conversation_id), CHAT)
            else:
                caller = await self._guard.admit(websocket.headers.raw, CHAT)
            await self._known_parameters(websocket)
            await self._check(conversation_id)
        except PenstockError as error:
            await websocket.send_denial_response(deny_websocket(error, websocket.url.path))
            return
        await websocket.accept()
        socket = ConversationWebSocket(websocket, conversation_id, self._responses)
        serve = partial(socket.serve, stream_id=stream_id, after=after)
        await serve_while_admitted(websocket, caller=caller, scope=CHAT, monitor=self._monitor, serve=serve)

    async def _check(self, conversation_id: str) -> None:
        await self._conversations.GetConversation(pb.GetConversationRequest(id=conversation_id))
