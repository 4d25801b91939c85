"""The parts of the service, put together: adapters → domain."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

from chat_stream_service.adapters.cached_store import cached_personalities, cached_templates
from chat_stream_service.adapters.peer import DatabaseComponent, PeerComponent
from chat_stream_service.adapters.sql_conversation_store import SqlConversationStore
from chat_stream_service.adapters.sql_engine_choice import SqlEngineChoice
from chat_stream_service.adapters.sql_erasure_store import SqlErasureStore
from chat_stream_service.adapters.sql_personality_store import SqlPersonalityStore, SqlTemplateStore
from chat_stream_service.domain.clients.service import ClientService
from chat_stream_service.domain.conversations.personality import PersonalityStore, TemplateStore
from chat_stream_service.domain.conversations.service import ConversationService
from chat_stream_service.domain.engines.current_engine import CurrentEngine
from chat_stream_service.domain.engines.registry import EngineRegistry
from chat_stream_service.domain.memory.erasure import Erasures
from chat_stream_service.domain.memory.memory_statistics import MemoryStatistics
from chat_stream_service.domain.model.component import Component
from chat_stream_service.domain.model.event_log import EventLog
from chat_stream_service.domain.stream.pending_writes import Unstored
from chat_stream_service.domain.stream.periodic import Chore
from chat_stream_service.domain.stream.readers import Readers
from chat_stream_service.domain.stream.remote_readers import DistantReaders
from chat_stream_service.domain.stream.run import RunLimits
from chat_stream_service.domain.stream.run_factory import RunFactory
from chat_stream_service.domain.stream.service import StreamLimits, StreamService
from chat_stream_service.domain.stream.statistics import StreamStatistics
from chat_stream_service.domain.tools.tool_box import ToolBox
from chat_stream_service.domain.tools.tool_statistics import ToolStatistics
from chat_stream_service.engine_parts import build_engines
from chat_stream_service.replica_parts import build_replica
from chat_stream_service.resources import Resources
from chat_stream_service.settings import ChatSettings
from penstock_kit.cache import CacheClient
from penstock_kit.clock import Clock
from penstock_kit.ids import new_id
from penstock_kit.overload import LoadShedder

_HISTORY_MESSAGES: Final = 200
_ENGINE: Final = "chat_engine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the edge serves and the process looks after."""

    streams: StreamService
    conversations: ConversationService
    clients: ClientService
    engines: EngineRegistry
    device_tools: ToolBox
    current_engine: CurrentEngine
    personalities: PersonalityStore
    templates: TemplateStore
    event_log: EventLog
    readers: Readers
    statistics: StreamStatistics
    memory_statistics: tuple[MemoryStatistics, ...]
    tool_statistics: ToolStatistics
    components: tuple[Component, ...]
    unstored: Unstored
    shedder: LoadShedder
    chores: tuple[Chore, ...]
    running: Callable[[], AbstractAsyncContextManager[None]]


def build_parts(settings: ChatSettings, resources: Resources, clock: Clock) -> Parts:
    """Return the parts that the settings describe."""
    statistics = StreamStatistics()
    store = SqlConversationStore(resources.database)
    replica = build_replica(settings, resources, store, clock)
    event_log, bus = replica.event_log, replica.bus
    cache = CacheClient(resources.cache, clock=clock)
    personalities = cached_personalities(SqlPersonalityStore(resources.database), cache)
    templates = cached_templates(SqlTemplateStore(resources.database), cache)
    llm = PeerComponent("llm-service", resources.llm, missing="down")
    engine_parts = build_engines(settings, resources, clock, llm=llm, cache=cache, store=store)
    engines = EngineRegistry(engine_parts.engines, current=_ENGINE)
    current_engine = CurrentEngine(engines=engines, choice=SqlEngineChoice(resources.database, clock=clock), bus=bus)
    readers = Readers(
        stale_seconds=settings.stale_seconds,
        most_rest=settings.write_interval_seconds,
        clock=clock,
        statistics=statistics,
    )
    unstored, shedder = Unstored(), LoadShedder(settings.overload_lag)
    runs = RunFactory(
        event_log=event_log,
        store=store,
        unstored=unstored,
        engines=engines,
        personalities=personalities,
        templates=templates,
        limits=RunLimits(total=settings.turn_seconds, idle=settings.idle_seconds),
        history_messages=_HISTORY_MESSAGES,
        clock=clock,
        new_id=new_id,
        statistics=statistics,
    )
    distant = DistantReaders(bus)
    streams = StreamService(
        runs=runs,
        event_log=event_log,
        store=store,
        bus=bus,
        distant=distant,
        feed=replica.feed,
        unstored=unstored,
        shedder=shedder,
        limits=StreamLimits(
            max_streams=settings.max_streams,
            detach_seconds=settings.detach_seconds,
            total_seconds=settings.turn_seconds,
            wait_seconds=settings.busy_wait_seconds,
        ),
        clock=clock,
    )
    erasures = Erasures(
        engine_parts.memories,
        store=SqlErasureStore(resources.database, clock=clock),
        background=resources.background,
        new_id=new_id,
    )
    conversations = ConversationService(
        store=store,
        streams=streams,
        event_log=event_log,
        personalities=personalities,
        erasures=erasures,
        clock=clock,
        new_id=new_id,
    )
    return Parts(
        streams=streams,
        conversations=conversations,
        clients=ClientService(
            directory=replica.directory,
            feed=replica.feed,
            streams=streams,
            replica=bus.replica,
            clock=clock,
            new_id=new_id,
        ),
        engines=engines,
        device_tools=engine_parts.device_tools,
        current_engine=current_engine,
        personalities=personalities,
        templates=templates,
        event_log=event_log,
        readers=readers,
        statistics=statistics,
        memory_statistics=engine_parts.statistics,
        tool_statistics=engine_parts.tool_statistics,
        components=(
            DatabaseComponent(resources.database),
            llm,
            PeerComponent("feature-service", resources.feature, missing="degraded"),
            PeerComponent("cache-service", resources.cache, missing="degraded"),
            *((resources.operator_tools,) if settings.tools_file else ()),
            *replica.components,
        ),
        unstored=unstored,
        shedder=shedder,
        chores=(
            event_log.clean,
            readers.clean,
            current_engine.refresh,
            distant.repeat,
            erasures.work_off,
            unstored.work_off,
            *engine_parts.chores,
        ),
        running=replica.running,
    )
