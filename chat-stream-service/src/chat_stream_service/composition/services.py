"""What the servicers call, over the stores and the way to other replicas."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

from chat_stream_service.adapters.peer import DatabaseComponent, PeerComponent
from chat_stream_service.adapters.sql_retention import delete_unused
from chat_stream_service.composition.engines import build_engines
from chat_stream_service.composition.replica import ReplicaServices, build_replica
from chat_stream_service.composition.resources import Resources
from chat_stream_service.composition.stores import Stores, build_stores
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
from chat_stream_service.domain.stream.picture_memory import PictureMemory
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
from penstock_kit.cache.warmup import Warmup
from penstock_kit.clock import Clock
from penstock_kit.database import Database
from penstock_kit.database.retention import Retention, Rule, days_before
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
    warmup: Warmup
    cache: CacheClient
    event_log: EventLog
    readers: Readers
    statistics: StreamStatistics
    memory_statistics: tuple[MemoryStatistics, ...]
    tool_statistics: ToolStatistics
    components: tuple[Component, ...]
    pending_writes: PendingWrites
    shedder: LoadShedder
    periodic_tasks: tuple[PeriodicTask, ...]
    retention: Retention
    run: Callable[[], AbstractAsyncContextManager[None]]


def build_services(
    settings: ChatSettings, resources: Resources, clock: Clock, *, cache: CacheClient | None = None
) -> Services:
    """Return the services that the settings describe; `cache` asks cache-service, with the usual patience without."""
    cache = cache or CacheClient(resources.cache, clock=clock)
    stores = build_stores(resources.database, cache, clock)
    replica = build_replica(settings, resources, stores.conversations, clock)
    llm = PeerComponent("llm-service", resources.llm, missing="down")
    engine_services = build_engines(settings, resources, stores, clock, llm=llm, cache=cache)
    engines = EngineRegistry(engine_services.engines, current=_ENGINE)
    current_engine = CurrentEngine(engines=engines, choice=stores.engine_choice, bus=replica.bus)
    statistics, pending_writes, shedder = StreamStatistics(), PendingWrites(), LoadShedder(settings.overload_lag)
    remote_readers = RemoteReaderCounts(replica.bus)
    readers = Readers(
        stale_seconds=settings.stale_seconds,
        most_rest=settings.write_interval_seconds,
        clock=clock,
        statistics=statistics,
    )
    streams = StreamService(
        runs=_build_runs(
            settings,
            stores,
            replica,
            engines,
            pending_writes=pending_writes,
            statistics=statistics,
            clock=clock,
        ),
        event_log=replica.event_log,
        store=stores.conversations,
        bus=replica.bus,
        remote_readers=remote_readers,
        feed=replica.feed,
        pending_writes=pending_writes,
        shedder=shedder,
        limits=_stream_limits(settings),
        clock=clock,
    )
    erasures = ErasureQueue(
        engine_services.memories, store=stores.erasures, background=resources.background, new_id=new_id
    )
    conversations = _build_conversations(stores, streams, replica, erasures, clock)
    return Services(
        streams=streams,
        conversations=conversations,
        retention=_build_retention(settings, resources.database, conversations, clock),
        clients=_build_clients(streams, replica, clock),
        engines=engines,
        device_tools=engine_services.device_tools,
        current_engine=current_engine,
        personalities=stores.personalities,
        templates=stores.templates,
        warmup=stores.warmup,
        cache=cache,
        event_log=replica.event_log,
        readers=readers,
        statistics=statistics,
        memory_statistics=engine_services.statistics,
        tool_statistics=engine_services.tool_statistics,
        components=_components(settings, resources, llm, replica),
        pending_writes=pending_writes,
        shedder=shedder,
        periodic_tasks=(
            replica.event_log.clean,
            readers.clean,
            current_engine.refresh,
            remote_readers.publish_all,
            erasures.run_pending,
            pending_writes.flush,
            *engine_services.periodic_tasks,
        ),
        run=replica.run,
    )


def _build_runs(
    settings: ChatSettings,
    stores: Stores,
    replica: ReplicaServices,
    engines: EngineRegistry,
    *,
    pending_writes: PendingWrites,
    statistics: StreamStatistics,
    clock: Clock,
) -> RunFactory:
    return RunFactory(
        event_log=replica.event_log,
        store=stores.conversations,
        pending_writes=pending_writes,
        engines=engines,
        personalities=stores.personalities,
        templates=stores.templates,
        limits=RunLimits(total=settings.turn_seconds, idle=settings.idle_seconds),
        history_messages=_HISTORY_MESSAGES,
        picture_memory=PictureMemory(most=settings.picture_memory_bytes),
        clock=clock,
        new_id=new_id,
        statistics=statistics,
    )


def _stream_limits(settings: ChatSettings) -> StreamLimits:
    return StreamLimits(
        max_streams=settings.max_streams,
        detach_seconds=settings.detach_seconds,
        total_seconds=settings.turn_seconds,
        stop_seconds=settings.stop_seconds,
        wait_seconds=settings.busy_wait_seconds,
    )


def _build_conversations(
    stores: Stores, streams: StreamService, replica: ReplicaServices, erasures: ErasureQueue, clock: Clock
) -> ConversationService:
    return ConversationService(
        store=stores.conversations,
        streams=streams,
        event_log=replica.event_log,
        personalities=stores.personalities,
        erasures=erasures,
        clock=clock,
        new_id=new_id,
    )


def _build_retention(
    settings: ChatSettings, database: Database, service: ConversationService, clock: Clock
) -> Retention:
    rules: dict[str, Rule] = {}
    if settings.conversation_days:
        rules["conversations"] = lambda: delete_unused(
            database, days_before(clock, settings.conversation_days), service.delete
        )
    return Retention(rules, database.counts, every=settings.retention_seconds)


def _build_clients(streams: StreamService, replica: ReplicaServices, clock: Clock) -> ClientService:
    return ClientService(
        directory=replica.directory,
        feed=replica.feed,
        streams=streams,
        replica=replica.bus.replica,
        clock=clock,
        new_id=new_id,
    )


def _components(
    settings: ChatSettings, resources: Resources, llm: Component, replica: ReplicaServices
) -> tuple[Component, ...]:
    """Return what the service reports as its components: what it calls, and what it works with."""
    return (
        DatabaseComponent(resources.database),
        llm,
        PeerComponent("feature-service", resources.feature, missing="degraded"),
        PeerComponent("cache-service", resources.cache, missing="degraded"),
        *((resources.operator_tools,) if settings.tools_file else ()),
        *replica.components,
    )
