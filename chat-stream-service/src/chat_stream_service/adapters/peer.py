"""Whether the database and the other services answer."""

from typing import Final

from grpc_health.v1 import health_pb2, health_pb2_grpc

from chat_stream_service.domain.model.component import ComponentState, ComponentStatus
from penstock_kit.database import Database
from penstock_kit.errors import PenstockError
from penstock_kit.grpc import PenstockChannel

_PATIENCE: Final = 1.0


class DatabaseComponent:
    """The database of conversations: without it nothing can be read or kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def status(self) -> ComponentStatus:
        """Return whether the database answers."""
        try:
            await self._database.ping()
        except PenstockError as error:
            blocking = not self._database.is_prepared
            return ComponentStatus(name="database", state="down", detail=error.message, blocking=blocking)
        return ComponentStatus(name="database", state="ok")


class PeerComponent:
    """Another service, by its gRPC health; `missing` is what its absence means."""

    def __init__(self, name: str, channel: PenstockChannel, *, missing: ComponentState) -> None:
        self._name = name
        self._stub = health_pb2_grpc.HealthStub(channel)
        self._missing: ComponentState = missing

    async def status(self) -> ComponentStatus:
        """Return whether the service serves."""
        try:
            answer: health_pb2.HealthCheckResponse = await self._stub.Check(
                health_pb2.HealthCheckRequest(), timeout=_PATIENCE
            )
        except PenstockError as error:
            return ComponentStatus(name=self._name, state=self._missing, detail=error.message)
        if answer.status == health_pb2.HealthCheckResponse.SERVING:
            return ComponentStatus(name=self._name, state="ok")
        return ComponentStatus(name=self._name, state=self._missing, detail=f"{self._name} is not serving")
