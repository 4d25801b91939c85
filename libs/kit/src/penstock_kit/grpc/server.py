"""The gRPC server of a service: health, reflection, the call interceptor, and a graceful end."""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from penstock.common.v1 import multiplex_pb2_grpc, process_pb2_grpc
from prometheus_client import CollectorRegistry

from penstock_kit.address import host_and_port
from penstock_kit.errors import FailedPrecondition
from penstock_kit.grpc.admission import Admission, require_secret
from penstock_kit.grpc.health import HealthServicer
from penstock_kit.grpc.interceptor import CallInterceptor
from penstock_kit.grpc.multiplex.pace import MOST_GATHERING
from penstock_kit.grpc.multiplex.serving import MultiplexServicer
from penstock_kit.grpc.options import server_options
from penstock_kit.grpc.process_memory import ProcessServicer
from penstock_kit.grpc.reflection import LazyReflection
from penstock_kit.grpc.runtime import assert_fast_protobuf
from penstock_kit.logging import get_logger
from penstock_kit.redaction import Redactor
from penstock_kit.telemetry.metrics import RpcMetrics
from penstock_kit.telemetry.tracing import Tracing

log = get_logger(__name__)


class GrpcServer:
    """A grpc.aio server with health checks, reflection, metrics, tracing and error statuses.

    ``server.add(add_XServicer_to_server, servicer)``, then ``await server.serve(port, stop)``;
    or start, wait and drain separately. Without a `registry` there are no metrics, without
    `tracing` no spans. `redactor` keeps configured secrets out of error messages. With a `secret` only callers that
    carry it are served; without one (or `credentials`) the server listens on loopback alone. Pieces of streamed answers
    wait for each other for `most_gathering` seconds at most. A connection takes no new calls after `connection_age`
    seconds (0: always), so that its caller looks up who else serves; what runs on it goes on.
    """

    def __init__(
        self,
        *,
        service: str,
        host: str = "127.0.0.1",
        grace_seconds: float = 20.0,
        registry: CollectorRegistry | None = None,
        tracing: Tracing | None = None,
        redactor: Redactor | None = None,
        credentials: grpc.ServerCredentials | None = None,
        secret: str = "",
        most_gathering: float = MOST_GATHERING,
        connection_age: float = 0,
    ) -> None:
        self._service = service
        self._host = host
        self._grace = grace_seconds
        self._credentials = credentials
        self._secret = secret
        if secret and redactor is not None:
            redactor.register(secret)
        metrics = None if registry is None else RpcMetrics(registry, service)
        self._interceptor = CallInterceptor(
            metrics=metrics,
            tracing=tracing,
            redactor=redactor,
            admission=Admission(secret, host=host) if secret else None,
        )
        aio: Any = grpc.aio  # its stubs leave the handlers' type parameters open
        self._server: Any = aio.server(interceptors=[self._interceptor], options=server_options(connection_age))
        self._names: list[str] = []
        self._handlers: list[Any] = []
        self._multiplex = MultiplexServicer(self._handler_of, most_gathering=most_gathering)
        self._health = HealthServicer(self._names)
        self._process = ProcessServicer()
        self._stopped = asyncio.Event()
        # Set when the drain begins: for servicers whose streams have no end of their own.
        self.draining = asyncio.Event()
        self.port = 0

    def add(self, add_to_server: Callable[[Any, Any], None], servicer: object) -> None:
        """Serve `servicer`; `add_to_server` is the generated ``add_<Name>Servicer_to_server``."""
        add_to_server(servicer, _Recorder(self._server, self._names, self._handlers))

    def report_delay(self, delay: Callable[[], float]) -> None:
        """Tell who asks that what comes now waits so many seconds in queues of the service's own."""
        self._process.delay = delay

    def report_failure(self, failure: Callable[[], str]) -> None:
        """Answer health checks with NOT_SERVING while `failure` says why the service can't do its work."""
        self._health.failure = failure

    async def start(self, port: int, *, setting: str = "") -> int:
        """Listen and serve; return the port (port 0 takes a free one).

        Raises FailedPrecondition: PORT_UNAVAILABLE naming the address and the `setting` that changes it,
        SERVICE_SECRET_REQUIRED where others than this machine would reach it and there is no secret.
        """
        if self._credentials is None:
            require_secret(self._host, self._secret, self._service)
        assert_fast_protobuf()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflected = (*self._names, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name)
        self._server.add_generic_rpc_handlers((LazyReflection(reflected),))
        multiplex_pb2_grpc.add_MultiplexServiceServicer_to_server(self._multiplex, self._server)
        process_pb2_grpc.add_ProcessServiceServicer_to_server(self._process, self._server)
        self.port = self._bind(port, setting)
        await self._server.start()
        await self.set_serving(serving=True)
        log.info("serving", address=host_and_port(self._host, self.port), services=self._names)
        return self.port

    async def set_serving(self, *, serving: bool) -> None:
        """Answer health checks of this server and of each service in it with SERVING or NOT_SERVING."""
        await self._health.set_serving(serving=serving)

    async def wait(self) -> None:
        """Return when the server has stopped."""
        await self._stopped.wait()

    async def drain(self) -> None:
        """Turn unhealthy, take no new calls, give running ones the grace time, then cancel what is left."""
        self.draining.set()
        await self._health.drain()
        self._multiplex.drain()
        await self._server.stop(self._grace)
        self._stopped.set()

    async def serve(self, port: int, stop: asyncio.Event, *, setting: str = "") -> None:
        """Start, run until `stop` is set, drain."""
        await self.start(port, setting=setting)
        try:
            await stop.wait()
        finally:
            log.info("draining", grace_seconds=self._grace)
            await self.drain()

    def _handler_of(self, method: str) -> Any:
        """Return the wrapped handler of a method with one request, None if there is no such method."""
        details = _Details(method, ())
        handler = next((found for each in self._handlers if (found := each.service(details)) is not None), None)
        if handler is None or handler.request_streaming:
            return None
        return self._interceptor.wrap(handler, method)

    def _bind(self, port: int, setting: str) -> int:
        address = host_and_port(self._host, port)
        why = _why_unbindable(self._host, port) if port else None
        try:
            if why is not None:
                bound = 0
            elif self._credentials is not None:
                bound = self._server.add_secure_port(address, self._credentials)
            else:
                bound = self._server.add_insecure_port(address)
        except RuntimeError:
            bound = 0
        if bound == 0:
            remedy = f"set {setting} to a free port" if setting else "choose a free port"
            message = f"{self._service} cannot listen on {address}: {why or 'the address cannot be bound'}; {remedy}"
            raise FailedPrecondition(
                message, reason="PORT_UNAVAILABLE", metadata={"address": address, "setting": setting}
            )
        return bound


def _why_unbindable(host: str, port: int) -> str | None:
    """Try the address with a plain socket: gRPC would print to stderr and not say why it failed."""
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return None
    except socket.gaierror:
        return None
    except OSError as error:
        return os.strerror(error.errno).lower() if error.errno else str(error)


class _Details(NamedTuple):
    """What a generic handler looks at to find a method."""

    method: str
    invocation_metadata: Sequence[tuple[str, str]]


class _Recorder:
    """Stands in for the server while a servicer is added, to learn the names of the services and their handlers."""

    def __init__(self, server: Any, names: list[str], handlers: list[Any]) -> None:
        self._server = server
        self._names = names
        self._handlers = handlers

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        self._names.extend(handler.service_name() for handler in handlers)
        self._handlers.extend(handlers)
        self._server.add_generic_rpc_handlers(handlers)

    def add_registered_method_handlers(self, service_name: str, method_handlers: Any) -> None:
        """The generic handlers serve the same methods; grpc.aio has no registered ones."""
