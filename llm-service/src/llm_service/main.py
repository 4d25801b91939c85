"""The LLM service: settings → telemetry → stores → adapters → domain → edge → serve."""

import asyncio
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry

from llm_service.adapters.gen_ai_metrics import MeasuredLedger
from llm_service.adapters.prometheus import BudgetMetrics, ConfigurationMetrics, ProviderMetrics
from llm_service.composition.configuration import open_configuration
from llm_service.composition.servicers import add_servicers
from llm_service.composition.services import Services, build_services
from llm_service.composition.stores import Stores, open_stores
from llm_service.settings import LlmSettings
from penstock_kit.bootstrap import start_runtime
from penstock_kit.cache import FREQUENT_CALLS
from penstock_kit.clock import SystemClock
from penstock_kit.database import prepare_schema
from penstock_kit.database.metrics import DatabaseMetrics
from penstock_kit.grpc import open_channel, run_service
from penstock_kit.settings import load
from penstock_kit.telemetry.overload import OverloadMetrics

SERVICE: Final = "llm-service"
MIGRATIONS: Final = Path(__file__).parent / "migrations"


async def serve(settings: LlmSettings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then drain and write what is left of the ledger."""
    clock = SystemClock()
    async with (
        start_runtime(SERVICE, settings) as runtime,
        open_stores(settings, clock) as stores,
        open_channel(
            settings.cache_service_address,
            service="cache-service",
            multiplexed=FREQUENT_CALLS if settings.multiplex_calls else (),
            secret=runtime.secret,
        ) as cache_channel,
        runtime.open_server(settings, metrics_port=settings.metrics_port) as server,
    ):
        services = build_services(
            settings,
            stores,
            open_configuration(settings, runtime.redactor),
            ledger=MeasuredLedger(stores.ledger, runtime.registry),
            cache_channel=cache_channel,
            clock=clock,
            tracing=runtime.tracing,
        )
        add_metrics(runtime.registry, services, stores)
        add_servicers(server, services, stores, clock)
        server.report_failure(lambda: stores.database.failure)
        schema = prepare_schema(stores.database, settings.database, MIGRATIONS, then=services.spending.refresh)
        async with services.shedder.running(), schema, stores.run(), services.run(settings):
            await server.serve(settings.port, stop, setting="LLM_SERVICE_PORT")


def add_metrics(registry: CollectorRegistry, services: Services, stores: Stores) -> None:
    """Export the numbers of the services to `registry`."""
    selection = services.selection
    ProviderMetrics(registry, selection.registry, selection.monitor, selection.key_pools)
    ConfigurationMetrics(registry, lambda: services.live.error)
    BudgetMetrics(registry, stores.budgets)
    DatabaseMetrics(registry, SERVICE, stores.database.counts)
    OverloadMetrics(registry, {SERVICE: services.shedder})


def run() -> None:
    """Run the service with the settings of the environment."""
    settings = load(LlmSettings)
    run_service(lambda stop: serve(settings, stop))
