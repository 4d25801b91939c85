"""What the servicers call, over the stores: who answers, what it costs, and the wrappers around an answer."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from llm_service.adapters.cluster_rate_limiter import ClusterRateLimiter
from llm_service.adapters.idempotency_codec import batch_codec, embedded_codec, parsed_codec
from llm_service.adapters.media_names import MediaNames
from llm_service.adapters.response_cache import CacheServiceResponses
from llm_service.adapters.semantic_responses import SemanticResponses
from llm_service.composition.completions import build_answering, build_metered
from llm_service.composition.configuration import follow_configuration
from llm_service.composition.selection import Selection, build_selection
from llm_service.composition.spending import Spending, build_spending
from llm_service.composition.stores import Stores
from llm_service.configuration.live import LiveConfiguration
from llm_service.domain.billing.budget_guard import BudgetGuardSettings, ReservingBudgetGuard
from llm_service.domain.billing.ledger import Ledger
from llm_service.domain.billing.rate_limiter import LocalRateLimiter
from llm_service.domain.embedding.embedding_call import MeteredEmbedder
from llm_service.domain.embedding.question_embedder import (
    OFFLINE,
    OfflineQuestionEmbedder,
    QuestionEmbedder,
    VendorQuestionEmbedder,
)
from llm_service.domain.model.completion_collector import CompletionCollector
from llm_service.domain.model.media_url import MediaUrls
from llm_service.domain.model.priced_pool import PricedPool
from llm_service.domain.model.provider_pool import ProviderPool
from llm_service.domain.model.route import plan_route
from llm_service.domain.parsing.prompt_parser import PromptParser
from llm_service.domain.reuse.idempotency import IdempotentCompletions, IdempotentEmbedder
from llm_service.domain.reuse.idempotent_execution import IdempotentExecution
from llm_service.settings import LlmSettings
from penstock_kit.cache import CacheClient
from penstock_kit.clock import Clock
from penstock_kit.grpc import PenstockChannel
from penstock_kit.ids import new_id
from penstock_kit.overload import LoadShedder
from penstock_kit.supervision import supervise
from penstock_kit.telemetry import Tracing


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the edge serves and the process looks after."""

    live: LiveConfiguration
    selection: Selection
    spending: Spending
    budget_guard: ReservingBudgetGuard
    completions: IdempotentCompletions
    embedder: IdempotentEmbedder
    parser: PromptParser
    collector: CompletionCollector
    shedder: LoadShedder
    media_urls: MediaUrls
    media_names: MediaNames

    @asynccontextmanager
    async def run(self, settings: LlmSettings) -> AsyncGenerator[None]:
        """Follow the configuration and the rules of spending; at the end of the block, let completions end and close
        the providers.
        """
        following = [
            asyncio.create_task(
                supervise("configuration", partial(follow_configuration, self.live, settings.config_watch_seconds))
            ),
            asyncio.create_task(supervise("spending", partial(self.spending.follow, settings.rules_refresh_seconds))),
        ]
        try:
            yield
        finally:
            for task in following:
                task.cancel()
            await self.collector.drain()
            await self.selection.registry.close()


def build_services(
    settings: LlmSettings,
    stores: Stores,
    live: LiveConfiguration,
    *,
    ledger: Ledger,
    cache_channel: PenstockChannel,
    clock: Clock,
    tracing: Tracing,
) -> Services:
    """Return the services that the settings describe. Calls are written to `ledger`, which is that of the stores."""
    spending = build_spending(stores, ledger, live)
    selection = build_selection(
        settings, live, prices=spending.prices, allows=spending.allows, clock=clock, tracing=tracing
    )
    pool = PricedPool(selection.registry, ready=spending.prices.ready)
    cache = CacheClient(cache_channel, clock=clock)
    budget_guard = _build_budget_guard(settings, selection, spending, cache, clock)
    embedder = _build_embedder(stores, live, selection, spending, pool=pool, budget_guard=budget_guard, clock=clock)
    metered = build_metered(
        settings,
        build_answering(settings, selection, spending, pool=pool, budget_guard=budget_guard, clock=clock),
        selection=selection,
        spending=spending,
        responses=_build_responses(settings, cache, cache_channel, embedder, clock),
        budget_guard=budget_guard,
        journal=stores.journal,
        clock=clock,
    )
    media_urls = MediaUrls(settings.media_hosts)
    return Services(
        live=live,
        selection=selection,
        spending=spending,
        budget_guard=budget_guard,
        completions=IdempotentCompletions(metered, execution=IdempotentExecution(stores.answers, batch_codec())),
        embedder=IdempotentEmbedder(embedder, execution=IdempotentExecution(stores.answers, embedded_codec())),
        parser=PromptParser(
            metered, route=selection.router.route, execution=IdempotentExecution(stores.answers, parsed_codec())
        ),
        collector=CompletionCollector(),
        shedder=LoadShedder(settings.overload_lag),
        media_urls=media_urls,
        media_names=MediaNames(media_urls.addresses, clock=clock),
    )


def _build_budget_guard(
    settings: LlmSettings, selection: Selection, spending: Spending, cache: CacheClient, clock: Clock
) -> ReservingBudgetGuard:
    return ReservingBudgetGuard(
        limits=spending.limits,
        store=spending.budgets,
        route=selection.router.route,
        prices=spending.prices,
        ready=spending.prices.ready,
        rate_limiter=ClusterRateLimiter(cache, LocalRateLimiter(clock)),
        clock=clock,
        settings=BudgetGuardSettings(
            output_tokens=settings.budget_output_tokens, refuse_unpriced=settings.unknown_price == "refuse"
        ),
    )


def _build_embedder(
    stores: Stores,
    live: LiveConfiguration,
    selection: Selection,
    spending: Spending,
    *,
    pool: ProviderPool,
    budget_guard: ReservingBudgetGuard,
    clock: Clock,
) -> MeteredEmbedder:
    return MeteredEmbedder(
        pool=pool,
        monitor=selection.monitor,
        route=lambda request: plan_route(live.current.embedding_routing, request.model),
        allows=spending.allows,
        ledger=spending.ledger,
        prices=spending.prices,
        budget_guard=budget_guard,
        clock=clock,
        new_id=new_id,
        journal=stores.journal,
    )


def _build_responses(
    settings: LlmSettings,
    cache: CacheClient,
    cache_channel: PenstockChannel,
    embedder: MeteredEmbedder,
    clock: Clock,
) -> CacheServiceResponses:
    semantic = SemanticResponses(
        cache_channel,
        _question_embedder(settings, embedder, clock),
        clock,
        ttl=settings.response_cache_seconds,
        seconds=settings.semantic_lookup_timeout,
    )
    return CacheServiceResponses(cache, semantic, seconds=settings.response_cache_seconds)


def _question_embedder(settings: LlmSettings, embedder: MeteredEmbedder, clock: Clock) -> QuestionEmbedder:
    """Return what makes the vectors of the semantic cache."""
    if settings.semantic_embedder == OFFLINE:
        return OfflineQuestionEmbedder()
    return VendorQuestionEmbedder(
        embedder, model=lambda: settings.semantic_embedder, clock=clock, seconds=settings.semantic_embed_timeout
    )
