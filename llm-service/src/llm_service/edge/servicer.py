"""LlmService: convert, call, convert."""

from collections.abc import Awaitable, Callable, Collection
from contextlib import aclosing
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import grpc.aio
from penstock.common.v1 import common_pb2
from penstock.llm.v1 import llm_pb2, llm_pb2_grpc

from llm_service.configuration.live import LiveConfiguration
from llm_service.domain.billing.metering import CompletionSource
from llm_service.domain.embedding.embedding_call import Embedder
from llm_service.domain.keys.key_pools import ApiKeyPools
from llm_service.domain.model.completion_collector import CompletionCollector
from llm_service.domain.model.media_url import MediaUrls
from llm_service.domain.model.provider_pool import ProviderCatalog
from llm_service.domain.model.request import CompletionRequest
from llm_service.domain.model.route import Candidate
from llm_service.domain.parsing.prompt_parser import Prompt, PromptParser
from llm_service.domain.routing.health import ProviderMonitor
from llm_service.domain.routing.model_list import list_models
from llm_service.domain.routing.router import Router
from llm_service.domain.routing.token_count import Counters, TokenCounting
from llm_service.edge.completion import batch_to_proto, completion_to_proto, cost_to_proto, usage_to_proto
from llm_service.edge.completion_request import completion_request_from_proto, embedding_request_from_proto
from llm_service.edge.cost import time_from_proto
from llm_service.edge.state import models_to_proto, provider_to_proto, query_to_proto, route_to_proto
from penstock_kit.aside import run_aside
from penstock_kit.clock import Clock
from penstock_kit.database import Database
from penstock_kit.errors import InvalidArgument, PenstockError
from penstock_kit.overload import LoadShedder
from penstock_kit.role import require_operator

Context = grpc.aio.ServicerContext[Any, Any]


class LlmServicer(llm_pb2_grpc.LlmServiceServicer):
    """Answers the RPCs of penstock.llm.v1.LlmService."""

    def __init__(
        self,
        *,
        completions: CompletionSource,
        collector: CompletionCollector,
        embedder: Embedder,
        parser: PromptParser,
        registry: ProviderCatalog,
        counters: Counters,
        admit_request: Callable[[], Awaitable[None]],
        monitor: ProviderMonitor,
        live: LiveConfiguration,
        router: Router,
        allows: Callable[[Candidate], bool],
        key_pools: ApiKeyPools,
        database: Database,
        clock: Clock,
        shedder: LoadShedder,
        media_urls: MediaUrls,
        check_media_names: Callable[[Collection[str]], Awaitable[None]],
        rss_bytes: Callable[[], int],
    ) -> None:
        self._completions = completions
        self._collector = collector
        self._embedder = embedder
        self._parser = parser
        self._registry = registry
        self._monitor = monitor
        self._live = live
        self._router = router
        self._allows = allows
        self._counting = TokenCounting(counters, router.route, admit=admit_request)
        self._key_pools = key_pools
        self._database = database
        self._clock = clock
        self._shedder = shedder
        self._media_urls = media_urls
        self._check_media_names = check_media_names
        self._rss_bytes = rss_bytes

    async def Complete(self, request: llm_pb2.CompleteRequest, context: Context) -> llm_pb2.CompleteResponse:  # noqa: N802
        """Answer at once."""
        self._shedder.check()
        question = await self._question(request.completion, streaming=False)
        completion = await self._collector.collect(self._completions.stream(question))
        return llm_pb2.CompleteResponse(completion=completion_to_proto(completion))

    async def StreamComplete(  # noqa: N802  # pyright: ignore[reportIncompatibleMethodOverride]
        self, request: llm_pb2.StreamCompleteRequest, context: Context
    ) -> None:
        """Answer piece by piece."""
        self._shedder.check()
        question = await self._question(request.completion, streaming=True)
        del request  # the answer may be long, and the question large
        # Written and not yielded: each of the generators that a piece passes costs as much as making it.
        async with aclosing(self._completions.stream(question)) as batches:
            async for batch in batches:
                await context.write(batch_to_proto(batch))

    async def Embed(self, request: llm_pb2.EmbedRequest, context: Context) -> llm_pb2.EmbedResponse:  # noqa: N802
        """Embed texts."""
        self._shedder.check()
        asked = await run_aside(request.ByteSize(), lambda: embedding_request_from_proto(request))
        embedded = await self._embedder.embed(asked)
        return llm_pb2.EmbedResponse(
            provider=embedded.provider,
            model=embedded.vectors.model,
            embeddings=[llm_pb2.Embedding(values=values) for values in embedded.vectors.values],
            usage=usage_to_proto(embedded.vectors.usage),
            cost=cost_to_proto(embedded.cost),
            dropped_params=embedded.vectors.dropped_params,
        )

    async def CountTokens(  # noqa: N802
        self, request: llm_pb2.CountTokensRequest, context: Context
    ) -> llm_pb2.CountTokensResponse:
        """Count by the vendor that would answer, or by rule."""
        counted = await self._counting.count(await self._question(request.completion, streaming=False))
        return llm_pb2.CountTokensResponse(input_tokens=counted.tokens, estimated=counted.estimated)

    async def ParsePrompt(  # noqa: N802
        self, request: llm_pb2.ParsePromptRequest, context: Context
    ) -> llm_pb2.ParsePromptResponse:
        """Read a question about devices with a model or by the rules."""
        if not request.prompt.strip():
            raise InvalidArgument("the prompt is empty", reason="PROMPT_REQUIRED")
        parsed = await self._parser.parse(
            Prompt(
                text=request.prompt,
                now=self._now(request),
                known_devices=tuple(request.known_devices),
                known_fields=tuple(request.known_fields),
                model=request.model,
                idempotency_key=request.idempotency_key,
            )
        )
        return llm_pb2.ParsePromptResponse(
            query=query_to_proto(parsed.query), source=parsed.source, provider=parsed.provider
        )

    async def _question(self, proto: llm_pb2.CompletionRequest, *, streaming: bool) -> CompletionRequest:
        names: set[str] = set()
        convert = partial(
            completion_request_from_proto,
            proto,
            streaming=streaming,
            check_url=lambda url: names.add(self._media_urls.check(url)),
        )
        question = await run_aside(proto.ByteSize(), convert)
        names.discard("")
        if names:
            await self._check_media_names(names)
        return question

    async def ListModels(self, request: llm_pb2.ListModelsRequest, context: Context) -> llm_pb2.ListModelsResponse:  # noqa: N802
        """List what the caller may ask for."""
        current = self._live.current
        models = list_models(current.profiles, current.routing, current.embedding_routing, self._allows)
        return llm_pb2.ListModelsResponse(models=models_to_proto(models))

    async def ListProviders(  # noqa: N802
        self, request: llm_pb2.ListProvidersRequest, context: Context
    ) -> llm_pb2.ListProvidersResponse:
        """Tell what is known of the providers; their failures are those of every tenant's calls."""
        require_operator("see how the providers are doing")
        names, loaded = self._registry.get_available_providers(), self._registry.get_loaded_providers()
        return llm_pb2.ListProvidersResponse(
            loaded_providers=loaded,
            available_providers=names,
            providers=[self._provider(name) for name in names],
            cache_size=len(loaded),
            rss_bytes=self._rss_bytes(),
            configuration_error=self._live.error,
        )

    def _provider(self, name: str) -> llm_pb2.ProviderState:
        return provider_to_proto(
            self._registry.profile(name),
            self._monitor.record(name),
            self._registry.loaded(name),
            self._key_pools.get(name),
            self._clock.now(),
        )

    async def ExplainRoute(  # noqa: N802
        self, request: llm_pb2.ExplainRouteRequest, context: Context
    ) -> llm_pb2.ExplainRouteResponse:
        """Tell where a request would go."""
        return route_to_proto(self._router.explain(request.model, policy=request.policy))

    async def ReloadConfiguration(  # noqa: N802
        self, request: llm_pb2.ReloadConfigurationRequest, context: Context
    ) -> llm_pb2.ReloadConfigurationResponse:
        """Read the configuration file again; one that is wrong leaves the old one in force."""
        require_operator("reload the configuration")
        error = await self._live.reload()
        return llm_pb2.ReloadConfigurationResponse(applied=not error, error=error)

    async def GetStatus(self, request: llm_pb2.GetStatusRequest, context: Context) -> llm_pb2.GetStatusResponse:  # noqa: N802
        """Tell the state of the ledger's store."""
        try:
            await self._database.ping()
            component = common_pb2.ComponentStatus(name="database", state="ok")
        except PenstockError as error:
            component = common_pb2.ComponentStatus(
                name="database", state="down", detail=error.message, blocking=not self._database.is_prepared
            )
        return llm_pb2.GetStatusResponse(components=[component], rss_bytes=self._rss_bytes())

    def _now(self, request: llm_pb2.ParsePromptRequest) -> datetime:
        now = time_from_proto(request, "now") if request.HasField("now") else self._clock.now()
        if not request.time_zone:
            return now
        try:
            return now.astimezone(ZoneInfo(request.time_zone))
        except OverflowError:
            raise InvalidArgument(
                f"now is {now.isoformat()}, which is beyond the calendar in {request.time_zone}", reason="TIME_INVALID"
            ) from None
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: longer than a name of a file
            message = f"time zone {request.time_zone!r} is unknown; use an IANA name such as Asia/Shanghai"
            raise InvalidArgument(message, reason="TIME_ZONE_INVALID") from error
