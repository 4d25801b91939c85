"""Follows streams of other replicas: loads them, then handlers what is added."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from chat_stream_service.adapters.memory_stream import MemoryStream
from chat_stream_service.adapters.redis.codec import events_from_bytes
from chat_stream_service.adapters.redis.shared_stream import SharedStream
from chat_stream_service.adapters.redis.stream_store import LoadedEvents, StreamStore, channel_of
from chat_stream_service.adapters.stream_table import StreamTable, unknown_stream
from chat_stream_service.domain.model.event import ChatEvent, Status
from penstock_kit.clock import Clock
from penstock_kit.redis.link import RedisUnavailable
from penstock_kit.redis.subscriber import Subscriber


class StreamReplicator:
    """Keeps copies of other replicas' streams in the table up to date.

    A copy first subscribes, then loads, so that nothing falls between; what is heard and does not follow the last
    event marks it stale, and its readers have it loaded again.
    """

    # Seconds before another try to load.
    pause: Final = 0.25

    def __init__(
        self,
        *,
        store: StreamStore,
        subscriber: Subscriber,
        streams: StreamTable[SharedStream],
        clock: Clock,
        is_settled: Callable[[], bool],
    ) -> None:
        self._store = store
        self._subscriber = subscriber
        self._streams = streams
        self._clock = clock
        self._is_settled = is_settled
        self._locks: dict[str, asyncio.Lock] = {}

    async def follow(self, stream_id: str) -> SharedStream:
        """Put a copy in the table, empty and stale; NotFound when there is no such stream."""
        state = await self._store.describe(stream_id)
        known = self._streams.find(stream_id)
        if known is not None:
            return known
        if state is None:
            raise unknown_stream(stream_id)
        stream = SharedStream(MemoryStream(state.header, now=self._clock.monotonic()), own=False)
        self._streams.add(stream)
        return stream

    async def catch_up(self, stream: SharedStream) -> None:
        """Load what a stale copy lacks; a stream that is gone leaves the table.

        RedisUnavailable also when a stream is missing that its replica may bring back, soon after Redis has come back.
        """
        lock = self._locks.setdefault(stream.stream_id, asyncio.Lock())
        async with lock:
            if not stream.stale or stream.memory.dropped:
                return
            await self._subscriber.subscribe(channel_of(stream.stream_id), lambda data: self._on_events(stream, data))
            stream.stale = False
            try:
                await self._load(stream)
            except BaseException:
                stream.stale = True
                raise

    async def unfollow(self, stream: SharedStream) -> None:
        """Stop listening to a stream."""
        self._locks.pop(stream.stream_id, None)
        await self._subscriber.unsubscribe(channel_of(stream.stream_id))

    def mark_stale(self, stream: SharedStream) -> None:
        """Note that something may have been missed."""
        stream.stale = True
        stream.memory.wake(self._clock.monotonic())

    async def _load(self, stream: SharedStream) -> None:
        complete = False
        while not complete:
            loaded = await self._store.load(stream.stream_id, after=stream.memory.last)
            if loaded is None and not self._is_settled():
                raise RedisUnavailable("the stream's replica has not brought it back yet")
            if loaded is None:
                self._streams.forget(stream)
                return
            self._restart(stream, loaded)
            self._add(stream, loaded.events)
            complete = loaded.complete

    def _restart(self, stream: SharedStream, loaded: LoadedEvents) -> None:
        """Begin again with the fold when what would follow was trimmed away meanwhile."""
        memory = stream.memory
        if loaded.base > memory.last:
            before = memory.bytes
            memory.restart(loaded.base, loaded.fold)
            self._streams.add_bytes(memory.bytes - before)

    def _on_events(self, stream: SharedStream, data: bytes) -> None:
        events = events_from_bytes(data, stream.memory.header)
        if events[0].sequence > stream.memory.last + 1:
            self.mark_stale(stream)
        else:
            self._add(stream, events)

    def _add(self, stream: SharedStream, events: Sequence[ChatEvent]) -> None:
        if stream.own or stream.memory.dropped or stream.memory.status is not Status.RUNNING:
            return
        new = [event for event in events if event.sequence > stream.memory.last]
        if new:
            self._streams.write(stream, new)
