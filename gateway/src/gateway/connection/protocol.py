"""uvicorn's HTTP protocol with bounds: on heads, bodies, time, and what a client asks for before it reads."""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.server import ServerState

from gateway.connection.body_writer import BodyWriter
from gateway.connection.joining_transport import JoiningTransport
from gateway.connection.limits import HttpLimits
from gateway.connection.pace import StallWatch
from gateway.connection.reader import RefuseEarly, RequestReader
from gateway.connection.refusal import Refusal, crowded, refusal_bytes, too_slow
from gateway.connection.registry import Connections
from gateway.http.write_now import WRITE_NOW
from penstock_kit.logging import get_logger

log = get_logger(__name__)


class HttpProtocol(RequestReader):
    """Serves a connection. A client gets a short answer, or a stream's first event, with one read.

    Requests are answered in order. What is not HTTP/1.1, too large or too slow is refused with an answer, after those
    under way, and ends the connection. A client that has not taken a byte of its answer for `stall_seconds` loses it
    too; a slow one keeps it.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: HttpLimits,
        connections: Connections,
        refuse_early: RefuseEarly | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop, limits=limits, refuse_early=refuse_early)
        self._registry = connections
        self._raw: asyncio.Transport
        self._joining: JoiningTransport | None = None
        self._stall: StallWatch | None = None
        self._discarding_since = 0.0
        self._linger_since = 0.0
        self._is_slow = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Write over `transport`; a connection too many is told so and closed."""
        self._raw = transport
        if not self._registry.admit(self, len(self.connections)):
            self.deaf = True
            transport.write(refusal_bytes(crowded(self._registry.cap), ""))
            transport.close()
            return
        super().connection_made(transport)
        self._joining = JoiningTransport(transport, self.loop, on_close=self._close)
        untyped: Any = self._joining
        self.transport = untyped
        self._stall = StallWatch(transport, self.loop, seconds=self._stall_seconds)
        self.head_since = self.loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of the connection, and tell every request of it."""
        self._registry.gone(self)
        self.deaf = True
        self.held.clear()
        self.pipeline.clear()
        if self._stall is None:
            return
        self._stall.stop()
        if self.running is not None:
            self._disconnect(self.running)
        super().connection_lost(exc)
        # Both hold this connection: without them it is free at once, and not when cycles are searched for.
        self._stall = None
        if self._joining is not None:
            self._joining.detach()

    def give_way(self) -> None:
        """Close now: others need the place."""
        if self.reading_body and not self.deaf:
            self.refuse(too_slow("body"))
        self.deaf = True
        self._raw.close()

    def _close(self) -> None:
        """Close, but not under the feet of a client that still sends: its system would throw the answer away."""
        self.deaf = True
        if self._raw.is_closing() or not (self.reading_body or self.held or self.refusal):
            self._raw.close()
            return
        self.held.clear()
        self._registry.idle(self)
        self._linger_since = self.loop.time()
        self.flow.resume_reading()
        self._raw.write_eof()

    def look(self, now: float) -> None:
        """End what has taken too long by the loop's time `now`."""
        limits = self.limits
        if self._linger_since:
            if now - self._linger_since > limits.linger_seconds:
                self._raw.abort()
        elif self.idle_since:
            if now - self.idle_since > limits.keep_alive_seconds:
                self._close()
        elif self._discarding_since:
            if now - self._discarding_since > limits.linger_seconds:
                self.transport.close()
        elif self.head_since:
            if now - self.head_since > limits.head_seconds:
                self._end_slow_head()
        elif self.reading_body and not self.deaf:
            waiting = self.flow.read_paused or self.cycle.waiting_for_100_continue
            if self.pace.spend(now, self.received, waiting=waiting):
                self.refuse(too_slow("body"))
            elif self.pace.is_slow:
                self._is_slow = True
                self._registry.slow(self)

    def _end_slow_head(self) -> None:
        if self.head_fed:
            self.refuse(too_slow("head"))
        else:
            self._close()

    def pause_writing(self) -> None:
        """Begin to watch whether the client takes anything: until it has, nothing more is written."""
        super().pause_writing()
        if self._stall is not None:
            self._stall.start()

    def resume_writing(self) -> None:
        """Go on: the client has taken what was written."""
        if self._stall is not None:
            self._stall.stop()
        super().resume_writing()

    def _stall_seconds(self) -> float:
        asks_more = bool(self.pipeline or self.held)
        return self.limits.pipeline_stall_seconds if asks_more else self.limits.stall_seconds

    def head_read(self) -> None:
        """Count the connection as busy."""
        self._registry.busy(self)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self.running = cycle
        if self._registry.draining:
            cycle.keep_alive = False
        scope: dict[str, Any] = cycle.scope  # type: ignore[assignment]
        scope[WRITE_NOW] = BodyWriter(cycle)
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Start the next request that waits, or wait for one."""
        self.server_state.total_requests += 1
        self.running = None
        if self.transport.is_closing():
            return
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self.refusal is not None:
            self._say(self.refusal)
        elif self.reading_body:
            self._discarding_since = self.loop.time()
            self._registry.idle(self)
            self.flow.resume_reading()
        else:
            self._wait_for_more()
        if self.held:
            self.loop.call_soon(self.feed_held)

    def refused_read(self) -> None:
        """Wait for the next request."""
        self._wait_for_more()

    def body_read(self) -> None:
        """Count a slow connection as busy; wait for the next request when this one is answered already."""
        if self._is_slow:
            self._is_slow = False
            self._registry.busy(self)
        if self._discarding_since:
            self._discarding_since = 0.0
            self._wait_for_more()

    def _wait_for_more(self) -> None:
        if self.held:
            return
        self.flow.resume_reading()
        if not self.head_since:
            self.idle_since = self.loop.time()
            self._registry.idle(self)

    def handle_websocket_upgrade(self) -> None:
        """Leave the connection to the WebSocket protocol, as it is."""
        self._registry.gone(self)
        self.deaf = True
        self.transport = self._raw
        super().handle_websocket_upgrade()

    def refuse(self, refusal: Refusal) -> None:
        """End the connection with `refusal` as its last answer, after those of the requests before."""
        self.refusal, self.deaf, self.head_since = refusal, True, 0.0
        self.held.clear()
        if self._discarding_since:
            self.transport.close()
            return
        if self.reading_body:
            self._leave_body()
        if self.running is None:
            self._say(refusal)

    def _leave_body(self) -> None:
        """Let go of the request whose body is refused."""
        if self.pipeline:
            self.pipeline.popleft()
        elif self.running is not None:
            cycle, self.running = self.running, None
            self._disconnect(cycle)
            if cycle.response_started:
                self._raw.abort()

    def _disconnect(self, cycle: RequestResponseCycle) -> None:
        cycle.disconnected = True
        cycle.message_event.set()

    def _say(self, refusal: Refusal) -> None:
        log.debug("refused a request", status=refusal.status, reason=refusal.error.reason)
        path = self.url.decode("latin-1").partition("?")[0]
        self.transport.write(refusal_bytes(refusal, path))
        self.transport.close()


def protocol_of(
    connections: Connections, limits: HttpLimits, refuse_early: RefuseEarly | None = None
) -> Callable[..., HttpProtocol]:
    """Return what uvicorn calls for each connection."""

    def protocol(**given: Any) -> HttpProtocol:
        return HttpProtocol(**given, connections=connections, limits=limits, refuse_early=refuse_early)

    return protocol
