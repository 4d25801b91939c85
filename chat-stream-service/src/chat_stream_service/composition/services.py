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
from chat_stream_service.composition.engines import build_engines
from chat_stream_service.composition.replica import build_replica
from chat_stream_service.composition.resources import Resources
from chat_stream_service.domain.clients.service import ClientService
from chat_stream_service.domain.conversations.personality import PersonalityStore, TemplateStore
from chat_stream_service.domain.conversations.service import ConversationService
from chat_stream_service.domain.engines.current_engine import CurrentEngine
from chat_stream_service.domain.engines.registry import EngineRegistry
from chat_stream_service.domain.memory.erasure import ErasureQueue
from chat_stream_service.domain.memory.memory_statistics import MemoryStatistics
from chat_stream_service.domain.model.component import Component
from chat_stream_service.domain.model.event_log import EventLog
from chat_stream_service.domain.stream.pending_writes import PendingWrites
from chat_stream_service.domain.stream.periodic import PeriodicTask
from chat_stream_service.domain.stream.readers import Readers
from chat_stream_service.domain.stream.remote_readers import RemoteReaderCounts
from chat_stream_service.domain.stream.run import RunLimits
from chat_stream_service.domain.stream.run_factory import RunFactory
from chat_stream_service.domain.stream.service import StreamLimits, StreamService
from chat_stream_service.domain.stream.statistics import StreamStatistics
from chat_stream_service.domain.tools.tool_box import ToolBox
from chat_stream_service.domain.tools.tool_statistics import ToolStatistics
from chat_stream_service.settings import ChatSettings
from penstock_kit.cache import CacheClient
from penstock_kit.clock import Clock
from penstock_kit.ids import new_id
from penstock_kit.overload import LoadShedder

_HISTORY_MESSAGES: Final = 200
_ENGINE: Final = "chat_engine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
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
    pending_writes: PendingWrites
    shedder: LoadShedder
    periodic_tasks: tuple[PeriodicTask, ...]
    run: Callable[[], AbstractAsyncContextManager[None]]


def build_services(settings: ChatSettings, resources: Resources, clock: Clock) -> Services:
    """Return the services that the settings describe."""
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
    pending_writes, shedder = PendingWrites(), LoadShedder(settings.overload_lag)
    runs = RunFactory(
        event_log=event_log,
        store=store,
        pending_writes=pending_writes,
        engines=engines,
        personalities=personalities,
        templates=templates,
        limits=RunLimits(total=settings.turn_seconds, idle=settings.idle_seconds),
        history_messages=_HISTORY_MESSAGES,
        clock=clock,
        new_id=new_id,
        statistics=statistics,
    )
    remote_readers = RemoteReaderCounts(bus)
    streams = StreamService(
        runs=runs,
        event_log=event_log,
        store=store,
        bus=bus,
        remote_readers=remote_readers,
        feed=replica.feed,
        pending_writes=pending_writes,
        shedder=shedder,
        limits=StreamLimits(
            max_streams=settings.max_streams,
            detach_seconds=settings.detach_seconds,
            total_seconds=settings.turn_seconds,
            stop_seconds=settings.stop_seconds,
            wait_seconds=settings.busy_wait_seconds,
        ),
        clock=clock,
    )
    erasures = ErasureQueue(
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
    return Services(
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
        pending_writes=pending_writes,
        shedder=shedder,
        periodic_tasks=(
            event_log.clean,
            readers.clean,
            current_engine.refresh,
            remote_readers.publish_all,
            erasures.run_pending,
            pending_writes.flush,
            *engine_parts.periodic_tasks,
        ),
        run=replica.run,
    )
