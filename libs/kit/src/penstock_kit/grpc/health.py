"""The health service (grpc.health.v1): per service and overall, and no watcher holds up a drain."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

_SERVING: Final = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING: Final = health_pb2.HealthCheckResponse.NOT_SERVING
_UNKNOWN: Final = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
_NOTHING: Final = -1
# Seconds between two looks of a watch at whether the process has a failure.
_LOOK_SECONDS: Final = 5.0


class HealthServicer(health_pb2_grpc.HealthServicer):
    """All services of a server are healthy or none is: they share one process and its stores.

    `failure` says why the process can't serve though it runs, empty while it can; watchers hear of it within `look`
    seconds.
    """

    def __init__(self, names: Sequence[str], *, look: float = _LOOK_SECONDS) -> None:
        self._names = names
        self.failure: Callable[[], str] = str
        self._look = look
        self._serving = False
        self._draining = False
        self._changed = asyncio.Condition()

    async def set_serving(self, *, serving: bool) -> None:
        """Answer SERVING or NOT_SERVING from now on, and tell the watchers."""
        async with self._changed:
            self._serving = serving and not self._draining
            self._changed.notify_all()

    async def drain(self) -> None:
        """Answer NOT_SERVING for good and end the watches, which would else outlast every grace time."""
        self._draining = True
        await self.set_serving(serving=False)

    async def Check(  # noqa: N802 - the name of the RPC
        self, request: health_pb2.HealthCheckRequest, context: Any
    ) -> health_pb2.HealthCheckResponse:
        """Return the state of the service asked for; NOT_FOUND when this server has no such service."""
        status = self._status(request.service)
        if status == _UNKNOWN:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"this server has no service {request.service!r}")
        return health_pb2.HealthCheckResponse(status=status)

    async def Watch(  # noqa: N802 - the name of the RPC
        self, request: health_pb2.HealthCheckRequest, context: Any
    ) -> AsyncGenerator[health_pb2.HealthCheckResponse]:
        """Yield the state now and after each change."""
        last = _NOTHING
        while not (self._draining and last == self._status(request.service)):
            async with self._changed:
                while not self._draining and last == self._status(request.service):
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self._look):
                            await self._changed.wait()
            if last != self._status(request.service):
                last = self._status(request.service)
                yield health_pb2.HealthCheckResponse(status=last)

    def _status(self, service: str) -> Any:
        if service and service not in self._names:
            return _UNKNOWN
        return _SERVING if self._serving and not self.failure() else _NOT_SERVING
