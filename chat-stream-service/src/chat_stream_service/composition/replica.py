"""How this replica works with others: through Redis when there is one, else alone."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Final

from chat_stream_service.adapters.memory_clients import MemoryClientDirectory, MemoryFeed
from chat_stream_service.adapters.memory_event_log import MemoryEventLog
from chat_stream_service.adapters.memory_stream import LogLimits
from chat_stream_service.adapters.redis.replica import RedisReplica
from chat_stream_service.adapters.single_replica_bus import SingleReplicaBus
from chat_stream_service.composition.resources import Resources
from chat_stream_service.domain.clients.client import ClientDirectory
from chat_stream_service.domain.model.component import Component
from chat_stream_service.domain.model.conversation_store import ConversationStore
from chat_stream_service.domain.model.event_log import EventLog
from chat_stream_service.domain.model.feed import Feed
from chat_stream_service.domain.model.replica_bus import ReplicaBus
from chat_stream_service.domain.stream.lost_stream import LostStreamRecovery
from chat_stream_service.settings import ChatSettings
from penstock_kit.clock import Clock
from penstock_kit.ids import new_id
from penstock_kit.supervision import supervise

_RECOVERY_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaServices:
    """The event log and the way to the other replicas; `running` is the block in which they work."""

    event_log: EventLog
    bus: ReplicaBus
    directory: ClientDirectory
    feed: Feed
    run: Callable[[], AbstractAsyncContextManager[None]]
    components: tuple[Component, ...] = ()


def build_replica(
    settings: ChatSettings, resources: Resources, store: ConversationStore, clock: Clock
) -> ReplicaServices:
    """Return the services that the settings describe."""
    replica, limits = new_id("rep"), _log_limits(settings)
    if resources.redis is None:
        return ReplicaServices(
            event_log=MemoryEventLog(limits=limits, clock=clock),
            bus=SingleReplicaBus(replica),
            directory=MemoryClientDirectory(),
            feed=MemoryFeed(new_id=new_id),
            run=nullcontext,
        )
    shared = RedisReplica(resources.redis, replica=replica, limits=limits, clock=clock)
    recovery = LostStreamRecovery(
        lost=shared.lost_streams, event_log=shared.event_log, store=store, clock=clock, new_id=new_id
    )

    @asynccontextmanager
    async def running() -> AsyncGenerator[None]:
        async with shared.run(), asyncio.TaskGroup() as group:
            task = group.create_task(supervise("recovery", partial(recovery.run, interval=_RECOVERY_SECONDS)))
            try:
                yield
            finally:
                task.cancel()

    return ReplicaServices(
        event_log=shared.event_log,
        bus=shared.bus,
        directory=shared.directory,
        feed=shared.feed,
        run=running,
        components=(shared,),
    )


def _log_limits(settings: ChatSettings) -> LogLimits:
    return LogLimits(
        max_events=settings.log_max_events,
        max_total_bytes=settings.log_max_bytes,
        retention=settings.log_retention_seconds,
        max_silence=settings.turn_seconds * 1.5,
    )
