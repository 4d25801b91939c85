"""The LLM service: settings → telemetry → resources → adapters → domain → edge → serve."""

import asyncio
from pathlib import Path

import psutil
from penstock.llm.v1 import cost_pb2_grpc, llm_pb2_grpc
from prometheus_client import CollectorRegistry

from llm_service.adapters.prometheus import ProviderMetrics
from llm_service.adapters.sql_ledger import SqlLedger
from llm_service.adapters.tracing import TracedProvider
from llm_service.configuration import Configuration, load_configuration
from llm_service.domain.embedding_call import MeteredEmbedder
from llm_service.domain.failover import Failover
from llm_service.domain.metering import Metering
from llm_service.domain.monitor import ProviderMonitor
from llm_service.domain.patience import Limits, PatientProvider
from llm_service.domain.price import OperatorPrices
from llm_service.domain.profile import ProviderProfile
from llm_service.domain.provider import Provider
from llm_service.domain.route import FALLBACK, plan_route
from llm_service.edge.cost_servicer import CostServicer
from llm_service.edge.servicer import LlmServicer
from llm_service.providers.registry import Parts, ProviderRegistry
from llm_service.settings import LlmSettings, environment_variable
from penstock_kit.clock import Clock, SystemClock
from penstock_kit.database import Database, migrate, open_database, sqlite_url
from penstock_kit.grpc import GrpcServer, run_service
from penstock_kit.ids import new_id
from penstock_kit.logging import configure_logging
from penstock_kit.redaction import Redactor
from penstock_kit.settings import load
from penstock_kit.telemetry import ProcessMetrics, Tracing, configure_tracing, serve_metrics

SERVICE = "llm-service"
MIGRATIONS = Path(__file__).parent / "migrations"


def build_registry(
    settings: LlmSettings, configuration: Configuration, clock: Clock, tracing: Tracing
) -> ProviderRegistry:
    """Return the lazy providers; each is wrapped in patience, and in spans when traces are recorded."""
    limits = Limits(first_token=settings.first_token_timeout, idle=settings.idle_timeout, whole=settings.answer_timeout)

    def wrap(profile: ProviderProfile, provider: Provider) -> Provider:
        traced = TracedProvider(provider, name=profile.name, tracer=tracing.tracer(__name__))
        return PatientProvider(traced if tracing.enabled else provider, name=profile.name, limits=limits)

    parts = Parts(clock=clock, new_id=new_id, connect_timeout=settings.connect_timeout)
    return ProviderRegistry(configuration.profiles, parts=parts, wrap=wrap, rss_bytes=_rss_bytes)


def add_servicers(
    server: GrpcServer,
    *,
    configuration: Configuration,
    registry: ProviderRegistry,
    monitor: ProviderMonitor,
    database: Database,
    ledger: SqlLedger,
    clock: Clock,
) -> None:
    """Put the domain together and serve it."""
    prices = OperatorPrices(configuration.prices, free=frozenset({FALLBACK}))
    failover = Failover(
        pool=registry,
        monitor=monitor,
        clock=clock,
        route=lambda asked: plan_route(
            configuration.routing, asked.model, policy=asked.policy, exclude=asked.exclude_providers
        ),
    )
    embedder = MeteredEmbedder(
        pool=registry,
        monitor=monitor,
        route=lambda asked: plan_route(configuration.embedding_routing, asked.model),
        ledger=ledger,
        prices=prices,
        clock=clock,
        new_id=new_id,
    )
    servicer = LlmServicer(
        answering=Metering(failover, ledger=ledger, prices=prices, clock=clock, new_id=new_id),
        embedder=embedder,
        registry=registry,
        monitor=monitor,
        configuration=configuration,
        database=database,
        clock=clock,
        rss_bytes=_rss_bytes,
    )
    server.add(llm_pb2_grpc.add_LlmServiceServicer_to_server, servicer)
    cost_servicer = CostServicer(ledger=ledger, prices=configuration.prices)
    server.add(cost_pb2_grpc.add_CostServiceServicer_to_server, cost_servicer)


async def serve(settings: LlmSettings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then drain and write what is left of the ledger."""
    redactor = configure_logging(SERVICE, settings.log_level, settings.log_format)
    configuration = load_configuration(settings, environment_variable)
    _register_secrets(redactor, settings, configuration)
    tracing = configure_tracing(SERVICE, settings.otlp_endpoint)
    metrics_registry = CollectorRegistry()
    ProcessMetrics(metrics_registry, SERVICE)
    clock = SystemClock()
    url = settings.database_url.get_secret_value() or sqlite_url(settings.home / "llm.db")
    await migrate(url, MIGRATIONS)
    database = open_database(url)
    ledger = SqlLedger(database)
    writing = asyncio.create_task(ledger.run())
    registry = build_registry(settings, configuration, clock, tracing)
    monitor = ProviderMonitor(clock)
    ProviderMetrics(metrics_registry, registry, monitor)
    server = GrpcServer(
        service=SERVICE,
        host=settings.host,
        grace_seconds=settings.grace_seconds,
        registry=metrics_registry,
        tracing=tracing,
        redactor=redactor,
    )
    add_servicers(
        server,
        configuration=configuration,
        registry=registry,
        monitor=monitor,
        database=database,
        ledger=ledger,
        clock=clock,
    )
    metrics = await serve_metrics(metrics_registry, settings.host, settings.metrics_port)
    try:
        await server.serve(settings.port, stop, setting="LLM_SERVICE_PORT")
    finally:
        ledger.close()
        await writing
        await registry.close()
        await database.close()
        await metrics.close()
        tracing.shutdown()


def run() -> None:
    """Run the service with the settings of the environment."""
    settings = load(LlmSettings)
    run_service(lambda stop: serve(settings, stop))


def _register_secrets(redactor: Redactor, settings: LlmSettings, configuration: Configuration) -> None:
    redactor.register(settings.database_url.get_secret_value())
    for profile in configuration.profiles:
        for key in profile.keys:
            redactor.register(key)


def _rss_bytes() -> int:
    return psutil.Process().memory_info().rss
