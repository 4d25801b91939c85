"""The outermost frame: request id, call context, span, metrics and access log of every request."""

import re
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final, Literal

from opentelemetry import context as otel_context
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, set_span_in_context
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.middleware.error_responses import internal_error, send_error
from gateway.middleware.metrics import HttpMetrics, current_tenant
from gateway.monitoring.traffic import Traffic
from penstock_kit.context import CallContext, set_context
from penstock_kit.logging import get_logger
from penstock_kit.telemetry.tracing import Tracing, parent_context

ENDPOINT_KEY: Final = "penstock.endpoint"
# Set in the scope of a request that is refused with many others: a line in the log about each would cost more.
REFUSED_KEY: Final = "penstock.refused"
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9_.:\-]{1,128}")
_ID_BYTES: Final = 13
_UNMATCHED: Final = "unmatched"
_LEFT: Final = 499
_SWITCHED: Final = 101
# RFC 6455's code for a server that met something unexpected.
_BROKEN: Final = 1011
# Asked again and again while a system starts: not ready is no error worth a line each time.
_PROBES: Final = frozenset({"/health", "/ready", "/ready/gateway", "/metrics"})
_HEADS: Final = frozenset({"http.response.start", "websocket.http.response.start"})
# Where answers carry credentials, conversations and data.
_EVENT_STREAM: Final = b"text/event-stream"
_PRIVATE: Final = ("/api/", "/v1/", "/mcp")
_NO_STORE: Final = (b"cache-control", b"no-store")
_NO_SNIFFING: Final = (b"x-content-type-options", b"nosniff")
AccessLog = Literal["all", "errors", "off"]
# The lowest status that is logged.
_LOGGED_FROM: Final[dict[AccessLog, int]] = {"all": 0, "errors": 400, "off": 1000}

log = get_logger(__name__)


class RequestFrame:
    """Gives every request its context and its outcome. What escapes the application is logged here, once."""

    def __init__(self, app: ASGIApp, *, metrics: HttpMetrics, tracing: Tracing, access_log: AccessLog) -> None:
        self._app = app
        self._metrics = metrics
        self._tracer = tracing.tracer("gateway") if tracing.enabled else None
        self._logged_from = _LOGGED_FROM[access_log]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        context = _context(scope["headers"])
        set_context(context)
        request = _HttpRequest(
            scope,
            context,
            send,
            None if self._tracer is None else _span(self._tracer, scope, context),
            self._metrics.traffic,
        )
        self._metrics.in_flight.inc()
        try:
            await self._app(scope, receive, request.send)
        except Exception:
            request.failed = True
            log.exception("unexpected error in a request", method=request.method, path=scope["path"])
            await request.end_broken()
        finally:
            self._metrics.in_flight.dec()
            self._finish(request)

    def _finish(self, request: "_HttpRequest") -> None:
        seconds = time.perf_counter() - request.begun
        endpoint, status = request.endpoint(), request.status
        request.end_stream()
        self._metrics.observe(
            method=request.method,
            endpoint=endpoint,
            status=status,
            seconds=request.seconds_to_first_byte or seconds,
            tenant_id=current_tenant(),
            request_id=request.request_id,
        )
        request.end_span(endpoint)
        if status >= self._logged_from and not (self._logged_from and endpoint in _PROBES):
            milliseconds = round(seconds * 1000, 2)
            path = request.scope["path"]
            log.info("request", method=request.method, path=path, route=endpoint, status=status, ms=milliseconds)


class _HttpRequest:
    """One request with its answer's status and span."""

    __slots__ = (
        "_send", "_silent", "_span", "_status", "_streamed_by", "_traffic", "begun", "failed", "method", "request_id",
        "scope", "seconds_to_first_byte",
    )  # fmt: skip

    def __init__(self, scope: Scope, context: CallContext, send: Send, span: Span | None, traffic: Traffic) -> None:
        self.scope = scope
        self.method: str = scope.get("method", "WEBSOCKET")
        self.begun = time.perf_counter()
        self.failed = False
        self.request_id = context.request_id
        self.seconds_to_first_byte = 0.0
        self._traffic = traffic
        # The tenant of an event stream that is open, and whether it has said nothing yet.
        self._streamed_by: str | None = None
        self._silent = False
        self._send = send
        self._span = span
        self._status = 0

    @property
    def status(self) -> int:
        """The status sent; 499 when the client left before one, 500 when we failed before one."""
        return self._status or (500 if self.failed else _LEFT)

    async def send(self, message: Message) -> None:
        """Pass a message on, with the request id on the first."""
        if message["type"] in _HEADS:
            self._status = message["status"]
            message["headers"] = self._headers(message.get("headers", ()))
        elif message["type"] == "websocket.accept":
            self._status = _SWITCHED
        elif self._silent and message.get("body"):
            self._silent = False
            self.seconds_to_first_byte = time.perf_counter() - self.begun
        await self._send(message)

    async def end_broken(self) -> None:
        """End what the application left without an end: an answer that has not begun, or a WebSocket."""
        if self.scope["type"] == "http" and not self._status:
            await send_error(internal_error(), self.scope, self.send)
        elif self._status == _SWITCHED:
            with suppress(Exception):  # it may be closed already
                await self._send({"type": "websocket.close", "code": _BROKEN, "reason": "INTERNAL"})

    def _headers(self, given: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Return the headers of the answer. What the API says is for its caller, and for no cache on the way."""
        headers = [*given, (b"x-request-id", self.request_id.encode())]
        names = dict(headers)
        if names.get(b"content-type", b"").startswith(_EVENT_STREAM):
            self._begin_stream()
        if b"x-content-type-options" not in names:
            headers.append(_NO_SNIFFING)
        if b"cache-control" not in names and self.scope["path"].startswith(_PRIVATE):
            headers.append(_NO_STORE)
        return headers

    def _begin_stream(self) -> None:
        self._silent, self._streamed_by = True, current_tenant()
        self._traffic.open_stream(self._streamed_by)

    def end_stream(self) -> None:
        """Count an event stream out, if it is one."""
        if self._streamed_by is not None:
            self._traffic.close_stream(self._streamed_by)

    def endpoint(self) -> str:
        """Return the template of the route that answered."""
        own = self.scope.get(ENDPOINT_KEY)
        return own or getattr(self.scope.get("route"), "path", _UNMATCHED)

    def end_span(self, endpoint: str) -> None:
        """Name the span after its route and end it."""
        if self._span is None:
            return
        self._span.update_name(f"{self.method} {endpoint}")
        self._span.set_attribute("http.route", endpoint)
        self._span.set_attribute("http.response.status_code", self.status)
        if self.status >= 500:
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


def _context(headers: Iterable[tuple[bytes, bytes]]) -> CallContext:
    request_id, traceparent, tracestate = "", "", ""
    for name, value in headers:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            request_id = value.decode("ascii")
        elif name == b"traceparent":
            traceparent = value.decode("latin-1")
        elif name == b"tracestate":
            tracestate = value.decode("latin-1")
    if traceparent and parent_context(traceparent) is None:
        traceparent = tracestate = ""
    request_id = request_id or f"req_{secrets.token_hex(_ID_BYTES)}"
    return CallContext(request_id=request_id, traceparent=traceparent, tracestate=tracestate)


def _span(tracer: Tracer, scope: Scope, context: CallContext) -> Span:
    attributes: dict[str, Any] = {
        "http.request.method": scope.get("method", "WEBSOCKET"),
        "url.path": scope["path"],
        "penstock.request_id": context.request_id,
    }
    parent = parent_context(context.traceparent, context.tracestate)
    span = tracer.start_span("HTTP", context=parent, kind=SpanKind.SERVER, attributes=attributes)
    # Not detached: the task of a request ends with the request, and its context with it.
    otel_context.attach(set_span_in_context(span))
    return span
