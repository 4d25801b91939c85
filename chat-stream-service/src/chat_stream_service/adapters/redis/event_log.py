"""The event log that replicas share through Redis."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Final

from chat_stream_service.adapters.memory_event_log import check_sequence
from chat_stream_service.adapters.memory_stream import LogLimits, MemoryStream
from chat_stream_service.adapters.redis.batch_writer import BatchWriter
from chat_stream_service.adapters.redis.shared_stream import SharedStream
from chat_stream_service.adapters.redis.stream_replicator import StreamReplicator
from chat_stream_service.adapters.redis.stream_store import StreamStore, script_reply
from chat_stream_service.adapters.stream_table import StreamTable, unknown_stream
from chat_stream_service.domain.model.event import ChatEvent, Status
from chat_stream_service.domain.model.event_log import ConversationBusy, Offer, StreamHeader, StreamState
from penstock_kit.clock import Clock
from penstock_kit.errors import Unavailable
from penstock_kit.redis.link import RedisLink, RedisUnavailable
from penstock_kit.redis.subscriber import Subscriber

# Accepted events that Redis does not have yet; beyond that the writer waits.
_MAX_PENDING: Final = 4096
# For so long after Redis is back, a stream that it does not hold may still be brought back by its replica.
_SETTLE_SECONDS: Final = 3.0


class RedisEventLog:
    """Streams of this replica and copies of those that are read here; see EventLog.

    What a replica writes becomes readable, there and elsewhere, when Redis has it. While Redis is away it becomes
    readable at once, on this replica alone; when Redis is back it is brought there. Readers of another replica's
    stream wait meanwhile. A stream has one writer: whoever else was made its owner ends it (see LostStreams).
    """

    def __init__(
        self, *, link: RedisLink, store: StreamStore, subscriber: Subscriber, limits: LogLimits, clock: Clock
    ) -> None:
        self._link = link
        self._store = store
        self._limits = limits
        self._clock = clock
        self._streams: StreamTable[SharedStream] = StreamTable(limits=limits, clock=clock)
        self._writer = BatchWriter(store, on_written=self._publish)
        self._replicator = StreamReplicator(
            store=store, subscriber=subscriber, streams=self._streams, clock=clock, is_settled=self._is_settled
        )
        self._to_drop: set[str] = set()
        link.listen(self._on_link_change)
        subscriber.on_interruption(self._on_interruption)

    @property
    def name(self) -> str:
        """``redis``."""
        return "redis"

    @property
    def shared(self) -> bool:
        """Whether Redis is there."""
        return self._link.up

    async def run(self) -> None:
        """Bring what is written to Redis, until cancelled."""
        await self._writer.run()

    async def open(self, header: StreamHeader) -> StreamHeader:
        """Begin a stream, or return the one of the same conversation and request id, whatever replica has it."""
        known = self._streams.of_request(header.conversation_id, header.request_id)
        if known is not None:
            return known.memory.header
        self._streams.check_idle(header.conversation_id)
        stream = SharedStream(MemoryStream(header, now=self._clock.monotonic()), own=True)
        elsewhere = await self._begin(stream)
        if elsewhere is not None:
            return elsewhere
        if stream.written is None:
            # Redis is away; another stream may have begun here while it was asked.
            self._streams.check_idle(header.conversation_id)
        self._streams.add(stream)
        self._writer.schedule(stream)
        return header

    async def append(self, events: Sequence[ChatEvent]) -> None:
        """Append events of one stream of this replica."""
        stream = self._streams.get(events[0].stream_id)
        stream.accept(events)
        if not self._link.up or stream.diverged:
            self._publish(stream, stream.accepted)
            return
        self._writer.schedule(stream)
        if stream.ended or len(stream.pending) > _MAX_PENDING:
            await self.settle(stream.stream_id)

    async def settle(self, stream_id: str) -> None:
        """Return when Redis has what was appended, or is away."""
        stream = self._streams.get(stream_id)
        await self._wait_until_settled(stream)
        stream.check_own()

    async def describe(self, stream_id: str) -> StreamState | None:
        """Return a stream's state. Unavailable (EVENT_LOG_UNAVAILABLE) when only Redis could know it, and is away."""
        stream = self._streams.find(stream_id)
        if stream is not None and stream.own:
            await self._wait_until_settled(stream)
            return stream.memory.state()
        try:
            state = await self._store.describe(stream_id)
        except RedisUnavailable:
            if stream is not None:
                return stream.memory.state()
            raise _log_unavailable(stream_id) from None
        if state is None and not self._is_settled():
            raise _log_unavailable(stream_id)
        return state

    async def active(self, conversation_ids: Iterable[str]) -> Mapping[str, str]:
        """Return the newest running stream of each conversation that has one."""
        asked = tuple(conversation_ids)
        own = {
            stream.memory.header.conversation_id: stream.stream_id
            for stream in self._streams.of_conversations(asked)
            if stream.own and stream.memory.status is Status.RUNNING
        }
        try:
            return {**await self._store.active(asked), **own}
        except RedisUnavailable:
            return own

    async def read(
        self, stream_id: str, *, after: int, offer: Offer | None = None
    ) -> AsyncGenerator[Sequence[ChatEvent]]:
        """Yield what follows a sequence: replay, then live, to the terminal event."""
        stream = await self._find(stream_id)
        stream.readers += 1
        try:
            await self._wait_for_sequence(stream, after)
            while not stream.memory.dropped:
                events = stream.memory.batch(after, self._limits)
                if events:
                    after = events[-1].sequence
                    yield events
                elif stream.memory.status is not Status.RUNNING:
                    return
                elif stream.own or not stream.stale:
                    after = await stream.memory.wait_for_change(after, offer)
                else:
                    await self._catch_up(stream)
        finally:
            stream.readers -= 1
            await self._release(stream)
        raise unknown_stream(stream_id)

    async def drop(self, conversation_id: str) -> None:
        """Forget every stream of a conversation, here and in Redis."""
        for stream in self._streams.of_conversations([conversation_id]):
            self._streams.forget(stream)
        try:
            await self._store.drop(conversation_id)
            self._to_drop.discard(conversation_id)
        except RedisUnavailable:
            self._to_drop.add(conversation_id)

    async def clean(self) -> int:
        """Forget old streams here; in Redis they expire by themselves."""
        if self._link.up:
            for conversation_id in tuple(self._to_drop):
                await self.drop(conversation_id)
        return self._streams.clean()

    async def adopt(self, stream_id: str) -> tuple[StreamHeader, Sequence[ChatEvent]]:
        """Make a claimed stream one of this replica's and return its events, led by a snapshot when it was trimmed.

        RedisUnavailable when Redis goes, NotFound when the stream is gone.
        """
        stream = self._streams.find(stream_id) or await self._replicator.follow(stream_id)
        stream.stale = True
        await self._replicator.catch_up(stream)
        await self._replicator.unfollow(stream)
        stream.adopt()
        return stream.memory.header, stream.memory.after(0, stream.memory.last)

    async def _begin(self, stream: SharedStream) -> StreamHeader | None:
        """Begin a stream in Redis; return the header of the one that the same request began elsewhere.

        ConversationBusy while another one runs in its conversation, on whatever replica.
        """
        header = stream.memory.header
        command = self._store.open_command(header, status=Status.RUNNING, trim=stream.trim(), is_new=True)
        try:
            answer = script_reply((await self._store.run([command]))[0])
        except RedisUnavailable:
            return None
        if answer.running:
            raise ConversationBusy(header.conversation_id, answer.running)
        stream.written = 0
        return answer.header

    async def _find(self, stream_id: str) -> SharedStream:
        stream = self._streams.find(stream_id)
        if stream is None:
            try:
                stream = await self._replicator.follow(stream_id)
            except RedisUnavailable:
                raise _log_unavailable(stream_id) from None
        return stream

    async def _wait_for_sequence(self, stream: SharedStream, after: int) -> None:
        """Return when a stream is as far as a reader has been before."""
        if after > stream.memory.last:
            if stream.own:
                await self._wait_until_settled(stream)
            else:
                stream.stale = True
                await self._catch_up(stream)
        if stream.memory.dropped:
            raise unknown_stream(stream.stream_id)
        check_sequence(stream.memory, after)

    async def _catch_up(self, stream: SharedStream) -> None:
        """Load what was missed; while Redis is away wait for it to come back."""
        try:
            await self._replicator.catch_up(stream)
        except RedisUnavailable:
            if not self._link.up:
                await stream.memory.wait_for_change()
            else:
                await asyncio.sleep(self._replicator.pause)

    async def _wait_until_settled(self, stream: SharedStream) -> None:
        """Return when readers see everything that was accepted, and other replicas the stream."""
        through = stream.accepted
        while stream.own and not stream.memory.dropped and (stream.memory.last < through or self._unknown(stream)):
            await stream.memory.wait_for_change()

    def _unknown(self, stream: SharedStream) -> bool:
        return stream.written is None and not stream.diverged and self._link.up

    async def _release(self, stream: SharedStream) -> None:
        """Stop following a stream that nobody here reads. One that was taken over stays, for its writer to find out."""
        if not stream.own and not stream.readers:
            stream.stale = True
            if not stream.taken_over:
                self._streams.forget(stream)
            await self._replicator.unfollow(stream)

    def _is_settled(self) -> bool:
        return self._link.is_stable(_SETTLE_SECONDS)

    def _publish(self, stream: SharedStream, through: int) -> None:
        """Let readers see events up to a sequence."""
        shown = stream.pop_pending(through)
        if shown:
            self._streams.write(stream, shown)
        else:
            stream.memory.wake(self._clock.monotonic())

    def _on_link_change(self, up: bool) -> None:
        for stream in self._streams:
            if not stream.own:
                self._replicator.mark_stale(stream)
            elif not up:
                self._publish(stream, stream.accepted)
            else:
                # It may have lost what it had; a stream that has ended is not worth asking about.
                if stream.memory.status is Status.RUNNING:
                    stream.written = None
                self._writer.schedule(stream)

    def _on_interruption(self) -> None:
        for stream in self._streams:
            if not stream.own:
                self._replicator.mark_stale(stream)


def _log_unavailable(stream_id: str) -> Unavailable:
    text = f"the event log can't be asked for stream {stream_id} now; try again in a moment"
    return Unavailable(text, reason="EVENT_LOG_UNAVAILABLE", retry_after=1)
