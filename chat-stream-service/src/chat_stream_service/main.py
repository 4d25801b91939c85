"""The chat-stream service: settings → telemetry → resources → adapters → domain → edge → serve."""

import asyncio
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry

from chat_stream_service.adapters.prometheus import MemoryMetrics, StreamMetrics, ToolMetrics
from chat_stream_service.composition.resources import open_resources
from chat_stream_service.composition.servicers import add_servicers
from chat_stream_service.composition.services import Services, build_services
from chat_stream_service.domain.stream.periodic import run_periodically
from chat_stream_service.settings import ChatSettings
from penstock_kit.bootstrap import start_runtime
from penstock_kit.clock import SystemClock
from penstock_kit.database import prepare_schema
from penstock_kit.database.metrics import DatabaseMetrics
from penstock_kit.grpc import GrpcServer, run_service
from penstock_kit.settings import load
from penstock_kit.telemetry.overload import OverloadMetrics

SERVICE: Final = "chat-stream-service"
MIGRATIONS: Final = Path(__file__).parent / "migrations"
# Of the grace time at the end of the process, what is kept for ending late streams and closing.
_CLOSING_SHARE: Final = 0.3


async def serve(settings: ChatSettings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then let streams end and drain."""
    clock = SystemClock()
    async with (
        start_runtime(SERVICE, settings) as runtime,
        open_resources(settings, secret=runtime.secret, redactor=runtime.redactor) as resources,
        runtime.open_server(settings, metrics_port=settings.metrics_port) as server,
    ):
        services = build_services(settings, resources, clock)
        add_metrics(runtime.registry, services)
        DatabaseMetrics(runtime.registry, SERVICE, resources.database.counts)
        add_servicers(server, services, clock)
        server.report_failure(lambda: resources.database.failure)
        schema = prepare_schema(resources.database, settings.database, MIGRATIONS, then=services.current_engine.refresh)
        async with (
            schema,
            services.run(),
            services.shedder.running(),
            services.retention.running(),
            services.warmup.start(services.cache),
        ):
            await server.start(settings.port, setting="CHAT_STREAM_SERVICE_PORT")
            await run_periodically(services.periodic_tasks, stop, interval=settings.clean_seconds)
            await drain(server, services, settings.grace_seconds)


def add_metrics(registry: CollectorRegistry, services: Services) -> None:
    """Show on /metrics what streams, memories and tools do and whether the service sheds load."""
    StreamMetrics(registry, services.statistics)
    MemoryMetrics(registry, services.memory_statistics)
    ToolMetrics(registry, services.tool_statistics)
    OverloadMetrics(registry, {SERVICE: services.shedder})


async def drain(server: GrpcServer, services: Services, grace_seconds: float) -> None:
    """Take no new calls, send readers to other replicas if they can go on there, and let answers end."""
    if services.event_log.shared:
        services.readers.dismiss()
    seconds = grace_seconds * (1 - _CLOSING_SHARE)
    await asyncio.gather(server.drain(), _end_streams(services, seconds))


async def _end_streams(services: Services, seconds: float) -> None:
    """Let answers end; then what clients watch has nothing more to come."""
    await services.streams.drain(seconds)
    await services.pending_writes.flush()
    services.readers.dismiss(endless_only=True)


def run() -> None:
    """Run the service with the settings of the environment."""
    settings = load(ChatSettings)
    run_service(lambda stop: serve(settings, stop))
