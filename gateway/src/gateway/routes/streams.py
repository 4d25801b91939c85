"""Streams that run or ran: resume, stop, ask about, and tickets for ``EventSource``."""

from typing import Annotated, Any, Final

from fastapi import Depends, Header, Query, Request, Response
from penstock.chat.v1 import chat_pb2 as pb

from gateway.auth.guard import Guard
from gateway.auth.scope import CHAT, OPERATOR
from gateway.auth.ticket import MAX_LENGTH, Tickets
from gateway.chat.sse_response import SseResponseFactory
from gateway.convert.event import stream_from_proto, stream_health_from_proto
from gateway.convert.protobuf import build_message
from gateway.http.json import JsonResponse
from gateway.routes.parameters import After
from gateway.routes.router import EVENTS, add, api_router
from penstock_kit.context import current_context
from penstock_kit.errors import FieldViolation, InvalidArgument

LastEventId = Annotated[str, Header(max_length=40, description="As `EventSource` sends it.")]
Ticket = Annotated[str, Query(max_length=MAX_LENGTH, description="Instead of credentials, from `POST …/ticket`.")]
_RESUMED: Final[dict[int | str, dict[str, Any]]] = {
    **EVENTS,
    204: {"description": "Nothing to resume: the stream has ended and you have all of it."},
}


class StreamRoutes:
    """The routes below ``/api/v1/streams``, and ``/api/v1/health/stream``."""

    def __init__(self, *, responses: SseResponseFactory, guard: Guard, tickets: Tickets) -> None:
        self._responses = responses
        self._streams = responses.streams
        self._guard = guard
        self._tickets = tickets
        self.router = api_router("streams")
        member, operator = [Depends(guard.needs(CHAT))], [Depends(guard.needs(OPERATOR))]
        one = "/api/v1/streams/{stream_id}"
        add(self.router, f"GET {one}/events", self.resume_stream, responses=_RESUMED)
        add(self.router, f"GET {one}", self.get_stream, dependencies=member)
        add(self.router, f"POST {one}/stop", self.stop_stream, dependencies=member)
        add(self.router, f"POST {one}/ticket", self.create_ticket, dependencies=member, status_code=201)
        add(self.router, "GET /api/v1/health/stream", self.stream_health, dependencies=operator)

    async def resume_stream(
        self,
        request: Request,
        stream_id: str,
        *,
        after: After = 0,
        debug: bool = False,
        ticket: Ticket = "",
        last_event_id: LastEventId = "",
    ) -> Response:
        """Continue a stream after the events you have; from the first without any."""
        if ticket:
            self._guard.enter(await self._tickets.redeem(ticket, stream_id), CHAT)
        else:
            await self._guard.admit(request.headers.raw, CHAT)
        sequence = _sequence(last_event_id) if last_event_id else after
        wanted = build_message(pb.ReadStreamRequest, stream_id=stream_id, after_sequence=sequence, debug=debug)
        return self._responses.create(lambda: self._streams.ReadStream(wanted), debug=debug)

    async def get_stream(self, stream_id: str) -> Response:
        """Say what is known of a stream."""
        return JsonResponse(stream_from_proto(await self._streams.GetStream(pb.GetStreamRequest(stream_id=stream_id))))

    async def stop_stream(self, stream_id: str) -> Response:
        """Stop a running stream; its provider call is cancelled. `stopped` is false when it had already ended."""
        response = await self._streams.StopStream(pb.StopStreamRequest(stream_id=stream_id))
        return JsonResponse({"stream_id": stream_id, "stopped": response.stopped})

    async def create_ticket(self, stream_id: str) -> Response:
        """Return a ticket that opens this stream's events once, within 30 s: `…/events?ticket=…`."""
        await self._streams.GetStream(pb.GetStreamRequest(stream_id=stream_id))
        ticket = self._tickets.issue(current_context().caller, stream_id)
        return JsonResponse({"ticket": ticket, "expires_in": self._tickets.life}, 201)

    async def stream_health(self) -> Response:
        """Say how the streams are doing: connections, totals, first byte; over all tenants, for operators."""
        return JsonResponse(stream_health_from_proto(await self._streams.GetStreamHealth(pb.GetStreamHealthRequest())))


def _sequence(text: str) -> int:
    if text.isascii() and text.isdigit():
        return int(text)
    violation = FieldViolation(field="Last-Event-ID", description=f"must be a sequence such as 12, not {text!r}")
    raise InvalidArgument(f"Last-Event-ID {violation.description}", reason="REQUEST_INVALID", violations=[violation])
