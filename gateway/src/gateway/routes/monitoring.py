"""What operators look at: providers and memory."""

from typing import TYPE_CHECKING

import psutil
from fastapi import Response
from penstock.llm.v1 import llm_pb2 as pb

from gateway.auth.guard import Guard
from gateway.auth.scope import OPERATOR
from gateway.convert.provider import providers_from_proto
from gateway.json import JsonResponse
from gateway.readiness import Readiness
from gateway.routes.router import add, api_router

if TYPE_CHECKING:
    from penstock.llm.v1.llm_pb2_grpc import LlmServiceAsyncStub

_MEGABYTE = 1024 * 1024


class MonitoringRoutes:
    """The routes below ``/api/v1/monitoring``."""

    def __init__(self, *, llm: "LlmServiceAsyncStub", readiness: Readiness, guard: Guard) -> None:
        self._llm = llm
        self._readiness = readiness
        self._process = psutil.Process()
        self.router = api_router("monitoring", guard.needs(OPERATOR))
        add(self.router, "GET /api/v1/monitoring/providers", self.list_providers)
        add(self.router, "GET /api/v1/monitoring/metrics/memory", self.memory)

    async def list_providers(self) -> Response:
        """Say which providers are configured, loaded and healthy."""
        return JsonResponse(providers_from_proto(await self._llm.ListProviders(pb.ListProvidersRequest())))

    async def memory(self) -> Response:
        """Return the resident memory in MB of this process and of each service that answers."""
        own = round(self._process.memory_info().rss / _MEGABYTE, 1)
        services = {"gateway": own, **await self._readiness.memory()}
        total = round(sum(filter(None, services.values())), 1)
        return JsonResponse(
            {
                "memory": {"rss_mb": own, "total_rss_mb": total},
                "services": {name: {"rss_mb": rss} for name, rss in services.items()},
            }
        )
