"""The HTTP server: binding its port, serving, and ending without cutting anybody off."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

import uvicorn
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from gateway.connection.acceptor import Acceptor
from gateway.connection.limits import HttpLimits, connection_cap, raise_descriptor_limit
from gateway.connection.protocol import protocol_of
from gateway.connection.reader import RefuseEarly
from gateway.connection.registry import Connections
from gateway.connection.websocket_protocol import WebSocketProtocol
from penstock_kit.address import host_and_port
from penstock_kit.logging import get_logger

_BACKLOG: Final = 2048
# Of the grace time: for the last frames to reach their readers.
_LAST_WORDS: Final = 2.0
# Seconds that connections of a shared socket have for the request that may be on its way, and between two looks.
_LAST_REQUESTS: Final = 2.0
_POLL: Final = 0.02
_SOCKET_MESSAGE: Final = 1024 * 1024
# What may wait in the kernel for a slow reader; left to itself it takes megabytes, which nobody counts.
_UNSENT_BYTES: Final = 64 * 1024

log = get_logger(__name__)


class PortTaken(Exception):  # noqa: N818 - it says what it is
    """The address can't be listened on; the text names it and the setting that changes it."""


def bind(host: str, port: int) -> socket.socket:
    """Return a bound socket (port 0 takes a free one); raise PortTaken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _bound_unsent(bound)
    try:
        bound.bind((host, port))
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        why = "the port is in use" if error.errno == errno.EADDRINUSE else error.strerror or str(error)
        remedy = "set PENSTOCK_HTTP_PORT to a free port or PENSTOCK_BIND_HOST to an address of this machine"
        message = f"gateway cannot listen on {host_and_port(host, port)}: {why}; {remedy}"
        raise PortTaken(message) from None
    bound.setblocking(False)
    return bound


def adopt(descriptor: int) -> socket.socket:
    """Return the listening socket that another process has opened; raise PortTaken when the descriptor is none."""
    try:
        shared = socket.socket(fileno=descriptor)
        listens = shared.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise PortTaken(f"gateway cannot listen on descriptor {descriptor}: {error.strerror or error}") from None
    if not listens:
        raise PortTaken(f"gateway cannot listen on descriptor {descriptor}: it is no socket that listens")
    _bound_unsent(shared)
    shared.setblocking(False)
    return shared


def _bound_unsent(listening: socket.socket) -> None:
    """Bound what waits in the kernel for a slow reader; each connection inherits it."""
    with contextlib.suppress(AttributeError, OSError):  # not on every system
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An ASGI application, and what its listener calls when it has to stop.

    `running` is entered for as long as requests are served; `on_drain` takes the application out of rotation;
    `interrupt` ends the responses that are still active and returns how many there were; `refuse_early` answers what
    is one request too many by its head; `metrics` is what a scraper is shown.
    """

    asgi: ASGIApp
    on_drain: Callable[[], None]
    running: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
    interrupt: Callable[[], int]
    refuse_early: RefuseEarly
    metrics: CollectorRegistry | None = None


class Listener:
    """Serves an application on a bound socket with uvicorn.

    A socket that is `shared` with other processes goes on taking connections for them: at its end this one lets those
    that it has taken ask what they were about to, and tells them to come back elsewhere.
    """

    def __init__(
        self,
        application: Application,
        bound: socket.socket,
        *,
        grace_seconds: float,
        trusted_proxies: str = "",
        limits: HttpLimits | None = None,
        max_connections: int = 0,
        shared: bool = False,
        on_listening: Callable[[], None] = lambda: None,
    ) -> None:
        self._application = application
        self._bound = bound
        raise_descriptor_limit()
        self._connections = Connections(cap=connection_cap(max_connections))
        protocol: Any = protocol_of(self._connections, limits or HttpLimits(), application.refuse_early)
        config = uvicorn.Config(
            application.asgi,
            loop="none",
            http=protocol,
            ws=WebSocketProtocol,
            ws_max_size=_SOCKET_MESSAGE,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(trusted_proxies),
            forwarded_allow_ips=trusted_proxies or None,
            timeout_graceful_shutdown=max(1, int(grace_seconds)),
            backlog=_BACKLOG,
        )
        self._server = _SharingServer(config, self._connections, on_listening) if shared else _Server(config)
        self._drain_seconds = max(grace_seconds - _LAST_WORDS, grace_seconds / 2)

    async def serve(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set; then turn unready, take nothing new and let running answers end.

        What still runs shortly before the grace time is over is told to come back, and not cut off.
        """
        host, port = self._bound.getsockname()[:2]
        address = host_and_port(host, port)
        log.info("serving", address=address, url=f"http://{address}", connections=self._connections.cap)
        async with self._application.running():
            await self._serve(stop)

    async def _serve(self, stop: asyncio.Event) -> None:
        serving = asyncio.create_task(self._server.serve(sockets=[self._bound]))
        watching = asyncio.create_task(self._connections.watch(self._server.connections))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        self._application.on_drain()
        stopping.cancel()
        self._server.should_exit = True
        await asyncio.wait({serving}, timeout=self._drain_seconds)
        told = self._application.interrupt()
        if told:
            log.info("told the answers under way to come back", answers=told)
        with contextlib.suppress(asyncio.CancelledError):
            await serving
        watching.cancel()


class _Server(uvicorn.Server):
    """A uvicorn server that leaves the process's signals alone."""

    def connections(self) -> set[Any]:
        """Return the open connections, WebSockets included."""
        return self.server_state.connections

    @contextlib.contextmanager
    def capture_signals(self):
        """Do nothing: the process decides when to stop."""
        yield


class _SharingServer(_Server):
    """A server whose socket other processes listen on as well."""

    def __init__(self, config: uvicorn.Config, connections: Connections, on_listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._registry = connections
        self._on_listening = on_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Take connections one a turn of the loop, so that whoever is less busy takes more."""
        await super().startup(sockets=[])
        for shared in sockets or ():
            self.servers.append(Acceptor(shared, self._new_protocol).start())  # pyright: ignore[reportArgumentType]
        self._on_listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections; answer what those that were taken ask in the next moments, then end as usual."""
        for server in self.servers:
            server.close()
            await server.wait_closed()
        self._registry.draining = True
        end = asyncio.get_running_loop().time() + _LAST_REQUESTS
        while self._registry.waiting and asyncio.get_running_loop().time() < end:  # noqa: ASYNC110 - many may change it
            await asyncio.sleep(_POLL)
        await super().shutdown(sockets)

    def _new_protocol(self) -> asyncio.Protocol:
        protocol: Any = self.config.http_protocol_class
        return protocol(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
