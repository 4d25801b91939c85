"""What operators look at: providers and memory."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fastapi import Response
from penstock.llm.v1 import llm_pb2 as pb

from gateway.auth.guard import Guard
from gateway.auth.scope import OPERATOR
from gateway.convert.provider import providers_from_proto
from gateway.health.process_memory import read_memory
from gateway.http.json import JsonResponse
from gateway.routes.router import add, api_router

if TYPE_CHECKING:
    from penstock.common.v1.process_pb2_grpc import ProcessServiceAsyncStub
    from penstock.llm.v1.llm_pb2_grpc import LlmServiceAsyncStub


class MonitoringRoutes:
    """The routes below ``/api/v1/monitoring``."""

    def __init__(
        self, *, llm: "LlmServiceAsyncStub", processes: "Mapping[str, ProcessServiceAsyncStub]", guard: Guard
    ) -> None:
        self._llm = llm
        self._processes = processes
        self.router = api_router("monitoring", guard.needs(OPERATOR))
        add(self.router, "GET /api/v1/monitoring/providers", self.list_providers)
        add(self.router, "GET /api/v1/monitoring/metrics/memory", self.memory)

    async def list_providers(self) -> Response:
        """Say which providers are configured, loaded and healthy."""
        return JsonResponse(providers_from_proto(await self._llm.ListProviders(pb.ListProvidersRequest())))

    async def memory(self) -> Response:
        """Return the memory in MB of the gateway and of the four services.

        `pss_mb` counts pages that processes share by their share, so that `total_pss_mb` is what all take together.
        """
        return JsonResponse(await read_memory(self._processes))
