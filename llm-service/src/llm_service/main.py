"""The LLM service: settings → telemetry → resources → adapters → domain → edge → serve."""

import asyncio
from pathlib import Path
from typing import Final

from penstock.llm.v1 import cost_pb2_grpc, llm_pb2_grpc
from prometheus_client import CollectorRegistry

from llm_service.adapters.gen_ai_metrics import MeasuredLedger
from llm_service.adapters.prometheus import BudgetMetrics, ConfigurationMetrics, ProviderMetrics
from llm_service.composition.configuration import follow_configuration, open_configuration
from llm_service.composition.selection import rss_bytes
from llm_service.composition.services import Services, build_services
from llm_service.composition.stores import Stores, open_stores
from llm_service.edge.cost_servicer import CostServicer
from llm_service.edge.servicer import LlmServicer
from llm_service.settings import LlmSettings
from penstock_kit.clock import Clock, SystemClock
from penstock_kit.database import prepare_schema
from penstock_kit.grpc import GrpcServer, open_channel, run_service
from penstock_kit.ids import new_id
from penstock_kit.installation import installation_secret
from penstock_kit.logging import configure_logging
from penstock_kit.settings import load
from penstock_kit.telemetry import LoopLag, ProcessMetrics, configure_tracing, serve_metrics
from penstock_kit.telemetry.overload import OverloadMetrics

SERVICE: Final = "llm-service"
MIGRATIONS: Final = Path(__file__).parent / "migrations"


def add_metrics(registry: CollectorRegistry, services: Services, stores: Stores) -> None:
    """Export the numbers of the services to `registry`."""
    selection = services.selection
    ProviderMetrics(registry, selection.registry, selection.monitor, selection.key_pools)
    ConfigurationMetrics(registry, lambda: services.live.error)
    BudgetMetrics(registry, stores.budgets)
    OverloadMetrics(registry, {SERVICE: services.shedder})


def add_servicers(server: GrpcServer, services: Services, stores: Stores, clock: Clock) -> None:
    """Serve the services on `server`."""
    selection, spending = services.selection, services.spending
    llm = LlmServicer(
        completions=services.completions,
        collector=services.collector,
        embedder=services.embedder,
        parser=services.parser,
        registry=selection.registry,
        counters=selection.registry,
        admit_request=services.budget_guard.admit_request,
        monitor=selection.monitor,
        live=services.live,
        router=selection.router,
        allows=spending.allows,
        key_pools=selection.key_pools,
        database=stores.database,
        clock=clock,
        shedder=services.shedder,
        rss_bytes=rss_bytes,
    )
    costs = CostServicer(
        ledger=spending.ledger,
        budgets=stores.budgets,
        policies=stores.policies,
        price_store=stores.prices,
        prices=spending.prices,
        limits=spending.limits,
        models=lambda: {profile.name: profile.models for profile in services.live.current.profiles},
        clock=clock,
        new_id=new_id,
    )
    server.add(llm_pb2_grpc.add_LlmServiceServicer_to_server, llm)
    server.add(cost_pb2_grpc.add_CostServiceServicer_to_server, costs)


async def serve(settings: LlmSettings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then drain and write what is left of the ledger."""
    redactor = configure_logging(SERVICE, settings.log_level, settings.log_format)
    redactor.register(settings.database_url.get_secret_value())
    live = open_configuration(settings, redactor)
    secret = await installation_secret(settings)
    tracing = configure_tracing(SERVICE, settings.otlp_endpoint)
    registry = CollectorRegistry()
    ProcessMetrics(registry, SERVICE)
    LoopLag(registry, SERVICE).start()
    clock = SystemClock()
    stores = open_stores(settings, clock)
    cache_channel = open_channel(settings.cache_service_address, service="cache-service", secret=secret)
    ledger = MeasuredLedger(stores.ledger, registry)
    services = build_services(
        settings, stores, live, ledger=ledger, cache_channel=cache_channel, clock=clock, tracing=tracing
    )
    add_metrics(registry, services, stores)
    server = GrpcServer(
        service=SERVICE,
        host=settings.host,
        grace_seconds=settings.grace_seconds,
        registry=registry,
        tracing=tracing,
        redactor=redactor,
        secret=secret,
    )
    add_servicers(server, services, stores, clock)
    metrics = await serve_metrics(registry, settings.host, settings.metrics_port)
    schema = prepare_schema(stores.database, settings.database, MIGRATIONS, then=services.spending.refresh)
    try:
        async with services.shedder.running(), schema, stores.run():
            await _serve_calls(settings, server, services, stop)
    finally:
        await services.selection.registry.close()
        await cache_channel.close()
        await stores.database.close()
        await metrics.close()
        tracing.shutdown()


async def _serve_calls(settings: LlmSettings, server: GrpcServer, services: Services, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, follow configuration and spending meanwhile, and let calls end."""
    following = [
        asyncio.create_task(follow_configuration(services.live, settings.config_watch_seconds)),
        asyncio.create_task(services.spending.follow(settings.rules_refresh_seconds)),
    ]
    try:
        await server.serve(settings.port, stop, setting="LLM_SERVICE_PORT")
    finally:
        for task in following:
            task.cancel()
        await services.collector.drain()


def run() -> None:
    """Run the service with the settings of the environment."""
    settings = load(LlmSettings)
    run_service(lambda stop: serve(settings, stop))
