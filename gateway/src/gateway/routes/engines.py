"""Chat engines: which there are, and which answers."""

from typing import TYPE_CHECKING

from fastapi import Depends, Response
from penstock.chat.v1 import chat_pb2 as pb
from pydantic import Field

from gateway.auth.guard import Guard
from gateway.auth.scope import CHAT, OPERATOR
from gateway.convert.conversation import engine_from_proto
from gateway.http.json import JsonResponse
from gateway.routes.router import add, api_router
from gateway.routes.strict import RequestModel

if TYPE_CHECKING:
    from penstock.chat.v1.chat_pb2_grpc import EngineServiceAsyncStub


class EngineChoice(RequestModel):
    """The engine of new turns."""

    name: str = Field(min_length=1, max_length=100)


class EngineRoutes:
    """The routes below ``/api/v1/engines``."""

    def __init__(self, *, engines: "EngineServiceAsyncStub", guard: Guard) -> None:
        self._engines = engines
        self.router = api_router("engines", guard.needs(CHAT))
        operator = [Depends(guard.needs(OPERATOR))]
        add(self.router, "GET /api/v1/engines", self.list_engines)
        add(self.router, "PUT /api/v1/engines/current", self.set_current_engine, dependencies=operator)

    async def list_engines(self) -> Response:
        """List the engines with their health."""
        response = await self._engines.ListEngines(pb.ListEnginesRequest())
        engines = [engine_from_proto(engine) for engine in response.engines]
        return JsonResponse({"engines": engines, "current": response.current})

    async def set_current_engine(self, body: EngineChoice) -> Response:
        """Switch the engine of new turns, on every replica and for every tenant; running ones are not touched.
        For operators."""
        response = await self._engines.SetCurrentEngine(pb.SetCurrentEngineRequest(name=body.name))
        return JsonResponse({"current": response.current, "previous": response.previous})
