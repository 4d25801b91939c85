"""The engines with their tools and memories, put together."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from chat_stream_service.adapters.cached_memory import CachedMemory
from chat_stream_service.adapters.device_tools import build_device_tools
from chat_stream_service.adapters.json_schema import JsonSchemaChecker
from chat_stream_service.adapters.llm_embedder import LlmEmbedder
from chat_stream_service.adapters.llm_service import LlmServiceModel
from chat_stream_service.adapters.mem0_memory import Mem0Memory, is_installed
from chat_stream_service.adapters.nearest_vector import nearest
from chat_stream_service.composition.mem0 import build_mem0
from chat_stream_service.composition.resources import Resources
from chat_stream_service.composition.stores import Stores
from chat_stream_service.domain.memory.engine_memory import EngineMemory
from chat_stream_service.domain.memory.memory_statistics import MemoryStatistics
from chat_stream_service.domain.memory.retried_memory import RetriedMemory
from chat_stream_service.domain.memory.similarity import SimilarityMemory
from chat_stream_service.domain.memory.summary import Summarizer
from chat_stream_service.domain.memory.turn_memory import TurnMemory
from chat_stream_service.domain.model.component import Component
from chat_stream_service.domain.model.engine import Engine, EngineInfo
from chat_stream_service.domain.model.memory import Memory
from chat_stream_service.domain.stream.periodic import PeriodicTask
from chat_stream_service.domain.tools.tool_box import ToolBox, ToolLimits
from chat_stream_service.domain.tools.tool_statistics import ToolStatistics
from chat_stream_service.domain.turn.chat_engine import ChatEngine, TurnLimits
from chat_stream_service.settings import ChatSettings
from penstock_kit.breaker import Breaker, ConsecutiveFailures
from penstock_kit.cache import CacheClient
from penstock_kit.clock import Clock
from penstock_kit.ids import new_id

CHAT_ENGINE: Final = "chat_engine"
MEM0_PROXY: Final = "mem0_proxy"
_CHAT_ENGINE: Final = "Remembers by itself: recent turns, a summary of the older ones, and what fits the question."
_MEM0_PROXY: Final = "Remembers with mem0: recent turns, a summary of the older ones, and the facts mem0 drew out."
_FEATURES: Final = ("memory", "tools", "personalities")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineServices:
    """The engines, what they share, and the tools that are served without one."""

    engines: tuple[Engine, ...]
    device_tools: ToolBox
    memories: Mapping[str, Memory]
    statistics: tuple[MemoryStatistics, ...]
    tool_statistics: ToolStatistics
    periodic_tasks: tuple[PeriodicTask, ...]


def build_engines(
    settings: ChatSettings,
    resources: Resources,
    stores: Stores,
    clock: Clock,
    *,
    llm: Component,
    cache: CacheClient,
) -> EngineServices:
    """Return the engines that the settings describe; the operator's tools begin to connect."""
    resources.operator_tools.start(watch_seconds=settings.tools_watch_seconds)
    builder = _EngineBuilder(settings=settings, resources=resources, stores=stores, clock=clock, llm=llm)
    words = stores.memory
    embedder = LlmEmbedder(resources.llm, model=settings.embedding_model, clock=clock)
    own = CachedMemory(
        SimilarityMemory(words, embedder, nearest),
        cache,
        name=CHAT_ENGINE,
        background=resources.background,
        is_quick=embedder.is_absent,
    )
    mem0 = build_mem0(settings, stores.conversations, installed=is_installed())
    resources.background.call_on_close(mem0.close)
    background, proxied = resources.background, mem0
    tasks: tuple[PeriodicTask, ...] = ()
    if isinstance(mem0, Mem0Memory):
        cached = CachedMemory(mem0, cache, name=MEM0_PROXY, background=background, is_quick=lambda: False)
        proxied = RetriedMemory(cached, background=background)
        tasks = (proxied.retry_soon,)
    statistics = (MemoryStatistics(CHAT_ENGINE), MemoryStatistics(MEM0_PROXY))
    return EngineServices(
        engines=(
            builder.build(_CHAT_ENGINE, statistics[0], own, settings.memory_patience_seconds, quick=words),
            builder.build(_MEM0_PROXY, statistics[1], proxied, settings.mem0_patience_seconds),
        ),
        device_tools=builder.device_tools,
        memories={CHAT_ENGINE: own, **({MEM0_PROXY: proxied} if isinstance(mem0, Mem0Memory) else {})},
        statistics=statistics,
        tool_statistics=builder.tool_statistics,
        periodic_tasks=tasks,
    )


class _EngineBuilder:
    """Makes engines that differ in nothing but their memory."""

    def __init__(
        self, *, settings: ChatSettings, resources: Resources, stores: Stores, clock: Clock, llm: Component
    ) -> None:
        feature = resources.feature
        tools = build_device_tools(feature)
        checker = JsonSchemaChecker()
        limits = ToolLimits(timeout=settings.tool_seconds, max_result_characters=settings.max_result_characters)
        self.tool_statistics = ToolStatistics()
        self.device_tools = ToolBox(tools, checker=checker, limits=limits, statistics=self.tool_statistics)
        self._tools = ToolBox(
            tools,
            checker=checker,
            limits=limits,
            sources=lambda: resources.operator_tools.sources,
            statistics=self.tool_statistics,
        )
        self._model = LlmServiceModel(resources.llm)
        self._summarizer = Summarizer(store=stores.summaries, model=self._model, history_tokens=settings.history_tokens)
        self._limits = TurnLimits(
            max_rounds=settings.max_rounds,
            max_tool_calls=settings.max_tool_calls,
            max_chunk_tokens=settings.max_chunk_tokens,
            history_tokens=settings.history_tokens,
        )
        self._background = resources.background
        self._clock = clock
        self._llm = llm

    def build(
        self,
        description: str,
        statistics: MemoryStatistics,
        memory: Memory,
        recall_seconds: float,
        *,
        quick: Memory | None = None,
    ) -> ChatEngine:
        """Return an engine with this memory, called as its statistics are."""
        turn_memory = TurnMemory(
            memory,
            quick=quick,
            recall_seconds=recall_seconds,
            breaker=Breaker(ConsecutiveFailures(), self._clock),
            background=self._background,
            statistics=statistics,
            clock=self._clock,
        )
        return ChatEngine(
            info=EngineInfo(
                name=statistics.engine,
                version=version("penstock-chat-stream-service"),
                description=description,
                features=_FEATURES,
            ),
            model=self._model,
            tools=self._tools,
            memory=EngineMemory(
                memory=turn_memory,
                summarizer=self._summarizer,
                background=self._background,
                statistics=statistics,
                clock=self._clock,
            ),
            limits=self._limits,
            clock=self._clock,
            new_id=new_id,
            provider=self._llm,
        )
