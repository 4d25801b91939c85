"""The chat-stream service: settings → telemetry → resources → adapters → domain → edge → serve."""

import asyncio
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Final

import psutil
from penstock.chat.v1 import chat_pb2_grpc
from prometheus_client import CollectorRegistry

from chat_stream_service.adapters.memory_metrics import MemoryMetrics
from chat_stream_service.adapters.prometheus import StreamMetrics
from chat_stream_service.adapters.tool_metrics import ToolMetrics
from chat_stream_service.composition.resources import open_resources
from chat_stream_service.composition.services import Services, build_services
from chat_stream_service.domain.stream.periodic import run_periodically
from chat_stream_service.edge.client_servicer import ClientServicer
from chat_stream_service.edge.conversation_servicer import ConversationServicer
from chat_stream_service.edge.engine_servicer import EngineServicer
from chat_stream_service.edge.servicer import StreamServicer
from chat_stream_service.edge.tool_servicer import ToolServicer
from chat_stream_service.settings import ChatSettings
from penstock_kit.clock import Clock, SystemClock
from penstock_kit.database import prepare_schema
from penstock_kit.grpc import GrpcServer, run_service
from penstock_kit.ids import new_id
from penstock_kit.installation import installation_secret
from penstock_kit.logging import configure_logging
from penstock_kit.redaction import Redactor
from penstock_kit.settings import load
from penstock_kit.telemetry import LoopLag, ProcessMetrics, configure_tracing, serve_metrics
from penstock_kit.telemetry.overload import OverloadMetrics

SERVICE: Final = "chat-stream-service"
MIGRATIONS: Final = Path(__file__).parent / "migrations"
# Of the grace time at the end of the process, what is kept for ending late streams and closing.
_CLOSING_SHARE: Final = 0.3


def add_servicers(server: GrpcServer, services: Services, clock: Clock) -> None:
    """Serve the services on `server`."""
    process = psutil.Process()
    streams = StreamServicer(
        streams=services.streams,
        readers=services.readers,
        event_log=services.event_log,
        statistics=services.statistics,
        components=services.components,
        rss_bytes=lambda: process.memory_info().rss,
    )
    engines = EngineServicer(
        engines=services.engines,
        current_engine=services.current_engine,
        personalities=services.personalities,
        templates=services.templates,
        clock=clock,
        new_id=new_id,
    )
    server.add(chat_pb2_grpc.add_StreamServiceServicer_to_server, streams)
    server.add(chat_pb2_grpc.add_ConversationServiceServicer_to_server, ConversationServicer(services.conversations))
    server.add(chat_pb2_grpc.add_EngineServiceServicer_to_server, engines)
    server.add(chat_pb2_grpc.add_ToolServiceServicer_to_server, ToolServicer(services.device_tools))
    server.add(
        chat_pb2_grpc.add_ClientServiceServicer_to_server, ClientServicer(services.clients, services.readers, clock)
    )


async def serve(settings: ChatSettings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then let streams end and drain."""
    redactor = configure_logging(SERVICE, settings.log_level, settings.log_format)
    for secret in settings.secrets:
        redactor.register(secret.get_secret_value())
    secret = await installation_secret(settings)
    tracing = configure_tracing(SERVICE, settings.otlp_endpoint)
    registry = CollectorRegistry()
    ProcessMetrics(registry, SERVICE)
    LoopLag(registry, SERVICE).start()
    clock = SystemClock()
    resources = open_resources(settings, secret=secret, on_secrets=partial(_register, redactor))
    server = GrpcServer(
        service=SERVICE,
        host=settings.host,
        grace_seconds=settings.grace_seconds,
        registry=registry,
        tracing=tracing,
        redactor=redactor,
        secret=secret,
    )
    metrics = None
    try:
        services = build_services(settings, resources, clock)
        StreamMetrics(registry, services.statistics)
        MemoryMetrics(registry, services.memory_statistics)
        ToolMetrics(registry, services.tool_statistics)
        OverloadMetrics(registry, {SERVICE: services.shedder})
        add_servicers(server, services, clock)
        metrics = await serve_metrics(registry, settings.host, settings.metrics_port)
        schema = prepare_schema(resources.database, settings.database, MIGRATIONS, then=services.current_engine.refresh)
        async with schema, services.run(), services.shedder.running():
            await server.start(settings.port, setting="CHAT_STREAM_SERVICE_PORT")
            await run_periodically(services.periodic_tasks, stop, interval=settings.clean_seconds)
            await drain(server, services, settings.grace_seconds)
    finally:
        if metrics is not None:
            await metrics.close()
        await resources.close()
        tracing.shutdown()


def _register(redactor: Redactor, secrets: Iterable[str]) -> None:
    for secret in secrets:
        redactor.register(secret)


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
