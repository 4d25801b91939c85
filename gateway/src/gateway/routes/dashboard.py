"""The dashboard's figures: once over HTTP, every second over ``/ws/dashboard``, and those of the last day."""

from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import Depends, Query, Response, WebSocket
from penstock.llm.v1 import cost_pb2 as pb
from starlette.websockets import WebSocketDisconnect

from gateway.auth.guard import Guard
from gateway.auth.scope import ADMIN, OPERATOR
from gateway.auth.session_monitor import SessionMonitor
from gateway.auth.ticket import MAX_LENGTH, Tickets
from gateway.chat.websocket_admission import deny_websocket, serve_while_admitted
from gateway.convert.scalar import time_to_proto
from gateway.http.json import JsonResponse
from gateway.monitoring.broadcast import FrameBroadcast
from gateway.monitoring.dashboard import Dashboard, View, Window
from gateway.monitoring.viewer import DashboardWebSocket
from gateway.routes.router import add, api_router
from penstock_kit.clock import Clock
from penstock_kit.context import Caller, current_context
from penstock_kit.errors import PenstockError
from penstock_kit.role import includes

if TYPE_CHECKING:
    from penstock.llm.v1.cost_pb2_grpc import CostServiceAsyncStub

_SUBJECT: Final = "dashboard"
_LENGTHS: Final[dict[Window, timedelta]] = {
    "5m": timedelta(minutes=5),
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
}
Over = Annotated[Window, Query(description="How far back; by five seconds in `5m`, by minutes else.")]


class DashboardRoutes:
    """The routes below ``/v1/dashboard``, and ``/ws/dashboard``: an operator sees the installation, an administrator
    what is its tenant's."""

    def __init__(
        self,
        *,
        dashboard: Dashboard,
        broadcast: FrameBroadcast,
        costs: "CostServiceAsyncStub",
        guard: Guard,
        tickets: Tickets,
        monitor: SessionMonitor,
        clock: Clock,
    ) -> None:
        self._dashboard = dashboard
        self._broadcast = broadcast
        self._costs = costs
        self._guard = guard
        self._tickets = tickets
        self._monitor = monitor
        self._clock = clock
        self.router = api_router("dashboard")
        admin = [Depends(guard.needs(ADMIN))]
        add(self.router, "GET /v1/dashboard/realtime", self.realtime, dependencies=admin)
        add(self.router, "GET /v1/dashboard/history", self.history, dependencies=admin)
        add(self.router, "POST /v1/dashboard/ticket", self.create_dashboard_ticket, dependencies=admin, status_code=201)
        self.router.add_api_websocket_route("/ws/dashboard", self.follow)

    async def realtime(self) -> Response:
        """Return the figures of this second: `statistics` (requests of 24 hours; mean and P95 of five minutes as
        `0.123s`, null without a request; the cache's hit rate of ten minutes, null without a read),
        `recent_requests` (the last 10) and the machine's `system`. An administrator sees its own tenant's."""
        frame = self._broadcast.current(_view(current_context().caller))
        return Response(frame, media_type="application/json")

    async def history(self, window: Over = "1h") -> Response:
        """Return columns of figures by time (seconds since 1970): of requests, and of tokens and cost from the ledger.
        Times at which no gateway ran are left out."""
        view, end = _view(current_context().caller), self._clock.now()
        requests = self._dashboard.history(view, window)
        return JsonResponse({"window": window, "requests": requests, "costs": await self._spent(view, window, end)})

    async def create_dashboard_ticket(self) -> Response:
        """Return a ticket that opens `/ws/dashboard` once, within 30 s: `…?ticket=…`."""
        ticket = self._tickets.issue(current_context().caller, _SUBJECT)
        return JsonResponse({"ticket": ticket, "expires_in": self._tickets.life}, 201)

    async def follow(self, websocket: WebSocket, *, ticket: Annotated[str, Query(max_length=MAX_LENGTH)] = "") -> None:
        """Send what `/v1/dashboard/realtime` answers, once a second."""
        try:
            if ticket:
                caller = self._guard.enter(await self._tickets.redeem(ticket, _SUBJECT), ADMIN)
            else:
                caller = await self._guard.admit(websocket.headers.raw, ADMIN)
            view = _view(caller)
            self._broadcast.join(view)
        except PenstockError as error:
            await websocket.send_denial_response(deny_websocket(error, websocket.url.path))
            return
        try:
            with suppress(WebSocketDisconnect):
                await websocket.accept()
                serve = partial(DashboardWebSocket(websocket, self._broadcast, view).serve)
                scope = OPERATOR if view.tenant_id is None else ADMIN
                await serve_while_admitted(websocket, caller=caller, scope=scope, monitor=self._monitor, serve=serve)
        finally:
            self._broadcast.leave(view)

    async def _spent(self, view: View, window: Window, end: datetime) -> dict[str, Any] | None:
        """Return tokens and dollars by minute, None while llm-service is away."""
        request = pb.SummarizeCostsRequest(
            group_by=pb.COST_GROUP_MINUTE,
            start_time=time_to_proto(end - _LENGTHS[window]),
            end_time=time_to_proto(end),
            all_tenants=view.tenant_id is None,
        )
        try:
            rows = (await self._costs.SummarizeCosts(request)).rows
        except PenstockError:
            return None
        return {
            "interval": 60,
            "time": [int(datetime.fromisoformat(row.group).timestamp()) for row in rows],
            "calls": [row.requests for row in rows],
            "tokens": [_tokens(row) for row in rows],
            "cost": [row.cost.amount or "0" for row in rows],
        }


def _view(caller: Caller) -> View:
    return View(tenant_id=None if includes(caller.scopes, OPERATOR) else caller.tenant_id)


def _tokens(row: pb.CostRow) -> int:
    usage = row.usage
    read = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    return read + usage.output_tokens + usage.reasoning_tokens
