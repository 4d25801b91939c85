"""This replica among others that share a Redis: everything that goes through it, and the tasks that keep it going."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from chat_stream_service.adapters.memory_stream import LogLimits
from chat_stream_service.adapters.redis.client_directory import RedisClientDirectory
from chat_stream_service.adapters.redis.event_log import RedisEventLog
from chat_stream_service.adapters.redis.failure_detector import FailureDetector
from chat_stream_service.adapters.redis.feed import RedisFeed
from chat_stream_service.adapters.redis.lost_streams import RedisLostStreams
from chat_stream_service.adapters.redis.replica_bus import RedisReplicaBus
from chat_stream_service.adapters.redis.stream_store import StreamStore
from chat_stream_service.domain.model.component import ComponentStatus
from penstock_kit.clock import Clock
from penstock_kit.ids import new_id
from penstock_kit.redis.link import RedisLink
from penstock_kit.redis.subscriber import Subscriber
from penstock_kit.supervision import supervise


class RedisReplica:
    """The event log, the bus, the clients and the lost streams, over one link.

    `running` is the block in which they work.
    """

    def __init__(self, link: RedisLink, *, replica: str, limits: LogLimits, clock: Clock) -> None:
        self._link = link
        self.subscriber = Subscriber(link)
        self.failure_detector = FailureDetector(link, replica=replica, clock=clock)
        self.bus = RedisReplicaBus(
            link, replica=replica, subscriber=self.subscriber, failure_detector=self.failure_detector
        )
        store = StreamStore(link, replica=replica, running_seconds=limits.max_silence, ended_seconds=limits.retention)
        self.event_log = RedisEventLog(link=link, store=store, subscriber=self.subscriber, limits=limits, clock=clock)
        self.directory = RedisClientDirectory(link)
        self.feed = RedisFeed(link, store, subscriber=self.subscriber, new_id=new_id)
        self.lost_streams = RedisLostStreams(
            failure_detector=self.failure_detector, store=store, event_log=self.event_log
        )

    @asynccontextmanager
    async def run(self) -> AsyncGenerator[None]:
        """Work for the length of the block. Redis need not be there at its beginning, nor at any other time."""
        await self.failure_detector.send_heartbeat()
        async with asyncio.TaskGroup() as group:
            work = {
                "failure detector": self.failure_detector.run,
                "subscriber": self.subscriber.run,
                "bus": self.bus.run,
                "event log": self.event_log.run,
                "feed": self.feed.run,
            }
            tasks = [group.create_task(supervise(name, each)) for name, each in work.items()]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
        await self.failure_detector.stop()

    async def status(self) -> ComponentStatus:
        """Return whether Redis is there; without it the service goes on in memory."""
        if self._link.up:
            return ComponentStatus(name="redis", state="ok")
        return ComponentStatus(name="redis", state="degraded", detail=self._link.error)
