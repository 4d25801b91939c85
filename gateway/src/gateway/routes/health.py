"""Readiness, open to everybody, for it names no secret; ``/metrics``, for scrapers and operators."""

from typing import Final

from fastapi import Depends, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from gateway.auth.scraper import ScraperGuard
from gateway.health.readiness import Readiness
from gateway.http.json import JsonResponse
from gateway.routes.router import add, api_router

_NOT_READY: Final = 503


class HealthRoutes:
    """What probes and scrapers ask for."""

    def __init__(
        self, *, readiness: Readiness, registry: CollectorRegistry, version: str, scraper: ScraperGuard
    ) -> None:
        scrapers = [Depends(scraper.admit)]
        self._readiness = readiness
        self._registry = registry
        self._version = version
        self.router = api_router("health")
        add(self.router, "GET /health", self.health)
        add(self.router, "GET /ready", self.ready)
        add(self.router, "GET /ready/gateway", self.gateway_ready)
        add(self.router, "GET /metrics", self.metrics, dependencies=scrapers)
        add(self.router, "GET /api/v2/metrics", self.metrics, dependencies=scrapers)

    async def health(self) -> Response:
        """Say that the process lives, whatever its surroundings."""
        return JsonResponse({"status": "ok", "service": "gateway", "version": self._version})

    async def ready(self) -> Response:
        """Name every service and store with its state; 503 when one that is required is down."""
        report = await self._readiness.report()
        return JsonResponse(report.to_json(), 200 if report.ready else _NOT_READY)

    async def gateway_ready(self) -> Response:
        """Say whether this gateway itself can serve: its store answers and it is not about to stop. For balancers."""
        report = await self._readiness.own_report()
        return JsonResponse(report.to_json(), 200 if report.ready else _NOT_READY)

    async def metrics(self) -> Response:
        """Return the gateway's metrics in Prometheus' text format. They add up all tenants: they are for operators, and
        for scrapers on this machine that send no credentials."""
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)
