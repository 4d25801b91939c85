"""The LLM service: settings → telemetry → resources → adapters → domain → edge → serve."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from penstock.llm.v1 import cost_pb2_grpc, llm_pb2_grpc
from prometheus_client import CollectorRegistry

from llm_service.adapters.cluster_rate_limiter import ClusterRateLimiter
from llm_service.adapters.file_journal import FileJournal, WrittenMark
from llm_service.adapters.gen_ai_metrics import MeasuredLedger
from llm_service.adapters.idempotency_codec import batch_codec, embedded_codec, parsed_codec
from llm_service.adapters.ledger_spool import LedgerSpool
from llm_service.adapters.prometheus import BudgetMetrics, ConfigurationMetrics, ProviderMetrics
from llm_service.adapters.response_cache import CacheServiceResponses
from llm_service.adapters.semantic_responses import SemanticResponses
from llm_service.adapters.sql_budget import SqlBudgets
from llm_service.adapters.sql_idempotency import SqlIdempotencyStore
from llm_service.adapters.sql_ledger import SqlLedger
from llm_service.adapters.sql_recovery import SqlRecovery
from llm_service.configuration import Configuration, load_configuration
from llm_service.domain.billing.budget_guard import BudgetGuardSettings, ReservingBudgetGuard
from llm_service.domain.billing.call_journal import CallJournal
from llm_service.domain.billing.ledger import LedgerRow
from llm_service.domain.billing.metering import Metering
from llm_service.domain.billing.rate_limiter import LocalRateLimiter
from llm_service.domain.embedding.embedding_call import MeteredEmbedder
from llm_service.domain.embedding.question_embedder import (
    OFFLINE,
    OfflineQuestionEmbedder,
    QuestionEmbedder,
    VendorQuestionEmbedder,
)
from llm_service.domain.model.completion_collector import CompletionCollector
from llm_service.domain.model.priced_pool import PricedPool
from llm_service.domain.model.route import plan_route
from llm_service.domain.parsing.prompt_parser import PromptParser
from llm_service.domain.reuse.idempotency import IdempotentCompletions, IdempotentEmbedder
from llm_service.domain.reuse.idempotent_execution import IdempotentExecution
from llm_service.domain.reuse.response_cache import ResponseCaching
from llm_service.edge.cost_servicer import CostServicer
from llm_service.edge.servicer import LlmServicer
from llm_service.live_configuration import LiveConfiguration
from llm_service.selection import Selection, build_answering, build_selection, rss_bytes
from llm_service.settings import LlmSettings, environment_variable
from llm_service.spending import Spending, build_spending
from penstock_kit.cache import CacheClient
from penstock_kit.clock import Clock, SystemClock
from penstock_kit.database import Database, open_database, prepare_schema, sqlite_url
from penstock_kit.grpc import GrpcServer, PenstockChannel, open_channel, run_service
from penstock_kit.ids import new_id
from penstock_kit.installation import installation_secret
from penstock_kit.logging import configure_logging
from penstock_kit.overload import LoadShedder
from penstock_kit.redaction import Redactor
from penstock_kit.settings import load
from penstock_kit.telemetry import LoopLag, ProcessMetrics, configure_tracing, serve_metrics
from penstock_kit.telemetry.overload import OverloadMetrics

SERVICE = "llm-service"
MIGRATIONS = Path(__file__).parent / "migrations"


def add_servicers(
    server: GrpcServer,
    settings: LlmSettings,
    *,
    live: LiveConfiguration,
    selection: Selection,
    spending: Spending,
    collector: CompletionCollector,
    answers: SqlIdempotencyStore,
    journal: CallJournal,
    database: Database,
    cache_channel: PenstockChannel,
    clock: Clock,
    shedder: LoadShedder,
) -> None:
    """Put the domain together and serve it."""
    cache = CacheClient(cache_channel, clock=clock)
    ledger, prices = spending.ledger, spending.prices
    budget_guard = ReservingBudgetGuard(
        limits=spending.limits,
        store=spending.budgets,
        route=selection.router.route,
        prices=prices,
        ready=prices.ready,
        rate_limiter=ClusterRateLimiter(cache, LocalRateLimiter(clock)),
        clock=clock,
        settings=BudgetGuardSettings(
            output_tokens=settings.budget_output_tokens, refuse_unpriced=settings.unknown_price == "refuse"
        ),
    )

    def settle(row: LedgerRow) -> None:
        ledger.record(row)
        budget_guard.charge(row)

    pool = PricedPool(selection.registry, ready=prices.ready)
    answering = build_answering(settings, selection, pool=pool, settle=settle, prices=prices, clock=clock)
    embedder = MeteredEmbedder(
        pool=pool,
        monitor=selection.monitor,
        route=lambda asked: plan_route(live.current.embedding_routing, asked.model),
        allows=spending.allows,
        ledger=ledger,
        prices=prices,
        budget_guard=budget_guard,
        clock=clock,
        new_id=new_id,
        journal=journal,
    )
    semantic = SemanticResponses(
        cache_channel,
        question_embedder(settings, embedder, clock),
        clock,
        ttl=settings.response_cache_seconds,
        seconds=settings.semantic_lookup_timeout,
    )
    cached = ResponseCaching(
        answering,
        cache=CacheServiceResponses(cache, semantic, seconds=settings.response_cache_seconds),
        route=selection.router.route,
        allows_semantic=spending.allows_semantic_cache,
        exact_for_all=settings.exact_cache,
    )
    metering = Metering(
        cached,
        ledger=ledger,
        prices=prices,
        clock=clock,
        new_id=new_id,
        route=selection.router.route,
        budget_guard=budget_guard,
        journal=journal,
    )
    servicer = LlmServicer(
        completions=IdempotentCompletions(metering, execution=IdempotentExecution(answers, batch_codec())),
        collector=collector,
        embedder=IdempotentEmbedder(embedder, execution=IdempotentExecution(answers, embedded_codec())),
        parser=PromptParser(
            metering, route=selection.router.route, execution=IdempotentExecution(answers, parsed_codec())
        ),
        registry=selection.registry,
        counters=selection.registry,
        admit_request=budget_guard.admit_request,
        monitor=selection.monitor,
        live=live,
        router=selection.router,
        allows=spending.allows,
        key_pools=selection.key_pools,
        database=database,
        clock=clock,
        shedder=shedder,
        rss_bytes=rss_bytes,
    )
    server.add(llm_pb2_grpc.add_LlmServiceServicer_to_server, servicer)
    cost_servicer = CostServicer(
        ledger=ledger,
        budgets=spending.budgets,
        policies=spending.policies,
        price_store=spending.price_store,
        prices=prices,
        limits=spending.limits,
        models=lambda: {profile.name: profile.models for profile in live.current.profiles},
        clock=clock,
        new_id=new_id,
    )
    server.add(cost_pb2_grpc.add_CostServiceServicer_to_server, cost_servicer)


async def serve(settings: LlmSettings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then drain and write what is left of the ledger."""
    redactor = configure_logging(SERVICE, settings.log_level, settings.log_format)
    redactor.register(settings.database_url.get_secret_value())
    live = LiveConfiguration(lambda: load_configuration(settings, environment_variable), path=settings.config_file)
    live.subscribe(lambda configuration: _register_secrets(redactor, configuration))
    secret = await installation_secret(settings)
    tracing = configure_tracing(SERVICE, settings.otlp_endpoint)
    metrics_registry = CollectorRegistry()
    ProcessMetrics(metrics_registry, SERVICE)
    LoopLag(metrics_registry, SERVICE).start()
    clock = SystemClock()
    url = settings.database_url.get_secret_value() or sqlite_url(settings.home / "llm.db")
    database = open_database(url)
    ledger = SqlLedger(database, LedgerSpool(settings.home / "llm-ledger-spool.jsonl"))
    answers = SqlIdempotencyStore(database, clock, owner=new_id("llm"))
    spending = build_spending(database, MeasuredLedger(ledger, metrics_registry), live, clock)
    journal = FileJournal(settings.home, clock, new_id, written=_written_mark(ledger, spending.budgets))
    selection = build_selection(
        settings, live, prices=spending.prices, allows=spending.allows, clock=clock, tracing=tracing
    )
    ProviderMetrics(metrics_registry, selection.registry, selection.monitor, selection.key_pools)
    ConfigurationMetrics(metrics_registry, lambda: live.error)
    BudgetMetrics(metrics_registry, spending.budgets)
    server = GrpcServer(
        service=SERVICE,
        host=settings.host,
        grace_seconds=settings.grace_seconds,
        registry=metrics_registry,
        tracing=tracing,
        redactor=redactor,
        secret=secret,
    )
    collector, shedder = CompletionCollector(), LoadShedder(settings.overload_lag)
    OverloadMetrics(metrics_registry, {SERVICE: shedder})
    cache_channel = open_channel(settings.cache_service_address, service="cache-service", secret=secret)
    add_servicers(
        server,
        settings,
        live=live,
        selection=selection,
        spending=spending,
        collector=collector,
        answers=answers,
        journal=journal,
        database=database,
        cache_channel=cache_channel,
        clock=clock,
        shedder=shedder,
    )
    metrics = await serve_metrics(metrics_registry, settings.host, settings.metrics_port)
    async with shedder.running(), prepare_schema(database, url, MIGRATIONS, then=spending.refresh):
        writing = [asyncio.create_task(ledger.run()), asyncio.create_task(spending.budgets.run())]
        following = [
            asyncio.create_task(_follow_configuration(live, settings.config_watch_seconds)),
            asyncio.create_task(spending.follow(settings.rules_refresh_seconds)),
            asyncio.create_task(answers.run()),
            asyncio.create_task(spending.budgets.keep()),
            asyncio.create_task(journal.run()),
            asyncio.create_task(SqlRecovery(database, settings.home).run(settings.recovery_seconds)),
        ]
        try:
            await server.serve(settings.port, stop, setting="LLM_SERVICE_PORT")
        finally:
            for task in following:
                task.cancel()
            await collector.drain()
            ledger.close()
            spending.budgets.close()
            await asyncio.gather(*writing)
            journal.close()
            await selection.registry.close()
            await cache_channel.close()
            await database.close()
            await metrics.close()
            tracing.shutdown()


def run() -> None:
    """Run the service with the settings of the environment."""
    settings = load(LlmSettings)
    run_service(lambda stop: serve(settings, stop))


def _written_mark(ledger: SqlLedger, budgets: SqlBudgets) -> WrittenMark:
    """What says whether the rows and settlements of now are in the database."""

    def mark() -> Callable[[], bool]:
        rows, settlements = ledger.taken, budgets.taken
        return lambda: ledger.written >= rows and budgets.written >= settlements

    return mark


async def _follow_configuration(live: LiveConfiguration, seconds: float) -> None:
    """Read the configuration again when its file changes, and on SIGHUP where a thread may have signals."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    with suppress(NotImplementedError, RuntimeError, ValueError):
        loop.add_signal_handler(signal.SIGHUP, told.set)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(live.watch(seconds))
        while True:
            await told.wait()
            told.clear()
            await live.reload()


def _register_secrets(redactor: Redactor, configuration: Configuration) -> None:
    for profile in configuration.profiles:
        for key in profile.keys:
            redactor.register(key)
        if password := urlsplit(profile.proxy).password:
            redactor.register(password)


def question_embedder(settings: LlmSettings, embedder: MeteredEmbedder, clock: Clock) -> QuestionEmbedder:
    """Return what makes the vectors of the semantic cache."""
    if settings.semantic_embedder == OFFLINE:
        return OfflineQuestionEmbedder()
    return VendorQuestionEmbedder(
        embedder, model=lambda: settings.semantic_embedder, clock=clock, seconds=settings.semantic_embed_timeout
    )
