"""How every service process begins: logging, the installation's secret, tracing and metrics, then its gRPC server."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from penstock_kit.grpc.server import GrpcServer
from penstock_kit.home import hold_home
from penstock_kit.installation import installation_secret
from penstock_kit.logging import configure_logging
from penstock_kit.redaction import Redactor
from penstock_kit.settings import GrpcServiceSettings, ServiceSettings
from penstock_kit.telemetry import LoopLag, ProcessMetrics, Tracing, configure_tracing, serve_metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRuntime:
    """What a service process has before it opens anything of its own; made by :func:`start_runtime`.

    `secret` is what calls between the services carry, empty without one; `registry` is what /metrics shows.
    """

    service: str
    redactor: Redactor
    secret: str
    tracing: Tracing
    registry: CollectorRegistry
    process: ProcessMetrics

    @asynccontextmanager
    async def open_server(self, settings: GrpcServiceSettings, *, metrics_port: int) -> AsyncGenerator[GrpcServer]:
        """Give the gRPC server of the service, which is not listening yet, and serve /metrics until the block ends.

        Raises FailedPrecondition (PORT_UNAVAILABLE) when the metrics port is taken.
        """
        server = GrpcServer(
            service=self.service,
            host=settings.host,
            grace_seconds=settings.grace_seconds,
            registry=self.registry,
            tracing=self.tracing,
            redactor=self.redactor,
            secret=self.secret,
            most_gathering=settings.gather_seconds,
            connection_age=settings.connection_age,
        )
        metrics = await serve_metrics(self.registry, settings.host, metrics_port)
        try:
            yield server
        finally:
            await metrics.close()


@asynccontextmanager
async def start_runtime(service: str, settings: ServiceSettings) -> AsyncGenerator[ServiceRuntime]:
    """Configure logging, read the installation's secret, start tracing and the metrics of the process and its loop.

    The values of all secret settings are masked in logs and errors from here on; spans are exported at the end of
    the block. The home is shared until then, so that nothing replaces it meanwhile. Raises FailedPrecondition
    (SERVICE_SECRET_INVALID) as `installation_secret` does, and (HOME_UNAVAILABLE) while a restore works on it.
    """
    redactor = configure_logging(service, settings.log_level, settings.log_format)
    with hold_home(settings.home):
        async with _start(service, settings, redactor) as runtime:
            yield runtime


@asynccontextmanager
async def _start(service: str, settings: ServiceSettings, redactor: Redactor) -> AsyncGenerator[ServiceRuntime]:
    secret = await installation_secret(settings)
    redactor.register(secret, *settings.secret_values())
    tracing = configure_tracing(service, settings.otlp_endpoint)
    registry = CollectorRegistry()
    process = ProcessMetrics(registry, service)
    LoopLag(registry, service).start()
    try:
        yield ServiceRuntime(
            service=service, redactor=redactor, secret=secret, tracing=tracing, registry=registry, process=process
        )
    finally:
        tracing.shutdown()
