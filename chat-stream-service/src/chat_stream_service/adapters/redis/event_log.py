"""The event log that replicas share through Redis."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Final

from chat_stream_service.adapters.memory_event_log import check_reached
from chat_stream_service.adapters.memory_stream import LogLimits, MemoryStream
from chat_stream_service.adapters.redis.follower import Follower
from chat_stream_service.adapters.redis.shared_stream import SharedStream
from chat_stream_service.adapters.redis.shipper import Shipper
from chat_stream_service.adapters.redis.stream_store import StreamStore, answer_of
from chat_stream_service.adapters.stream_shelf import StreamShelf, unknown_stream
from chat_stream_service.domain.model.event import ChatEvent, Status
from chat_stream_service.domain.model.event_log import ConversationBusy, StreamHeader, StreamState
from penstock_kit.clock import Clock
from penstock_kit.errors import Unavailable
from penstock_kit.redis.link import RedisAway, RedisLink
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
        self._shelf: StreamShelf[SharedStream] = StreamShelf(limits=limits, clock=clock)
        self._shipper = Shipper(store, show=self._show)
        self._follower = Follower(
            store=store, subscriber=subscriber, shelf=self._shelf, clock=clock, settled=self._is_settled
        )
        self._to_drop: set[str] = set()
        link.listen(self._turned)
        subscriber.on_interruption(self._missed)

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
        await self._shipper.run()

    async def open(self, header: StreamHeader) -> StreamHeader:
        """Begin a stream, or return the one of the same conversation and request id, whatever replica has it."""
        known = self._shelf.of_request(header.conversation_id, header.request_id)
        if known is not None:
            return known.memory.header
        self._shelf.check_idle(header.conversation_id)
        stream = SharedStream(MemoryStream(header, now=self._clock.monotonic()), own=True)
        elsewhere = await self._begin(stream)
        if elsewhere is not None:
            return elsewhere
        if stream.shipped is None:
            # Redis is away; another stream may have begun here while it was asked.
            self._shelf.check_idle(header.conversation_id)
        self._shelf.put(stream)
        self._shipper.mark(stream)
        return header

    async def append(self, events: Sequence[ChatEvent]) -> None:
        """Append events of one stream of this replica."""
        stream = self._shelf.get(events[0].stream_id)
        stream.accept(events)
        if not self._link.up or stream.apart:
            self._show(stream, stream.accepted)
            return
        self._shipper.mark(stream)
        if stream.ended or len(stream.pending) > _MAX_PENDING:
            await self.settle(stream.stream_id)

    async def settle(self, stream_id: str) -> None:
        """Return when Redis has what was appended, or is away."""
        stream = self._shelf.get(stream_id)
        await self._settled(stream)
        stream.check_own()

    async def describe(self, stream_id: str) -> StreamState | None:
        """Return a stream's state. Unavailable (EVENT_LOG_UNAVAILABLE) when only Redis could know it, and is away."""
        stream = self._shelf.find(stream_id)
        if stream is not None and stream.own:
            await self._settled(stream)
            return stream.memory.state()
        try:
            state = await self._store.describe(stream_id)
        except RedisAway:
            if stream is not None:
                return stream.memory.state()
            raise _away(stream_id) from None
        if state is None and not self._is_settled():
            raise _away(stream_id)
        return state

    async def active(self, conversation_ids: Iterable[str]) -> Mapping[str, str]:
        """Return the newest running stream of each conversation that has one."""
        asked = tuple(conversation_ids)
        own = {
            stream.memory.header.conversation_id: stream.stream_id
            for stream in self._shelf.of_conversations(asked)
            if stream.own and stream.memory.status is Status.RUNNING
        }
        try:
            return {**await self._store.active(asked), **own}
        except RedisAway:
            return own

    async def read(self, stream_id: str, *, after: int) -> AsyncGenerator[Sequence[ChatEvent]]:
        """Yield what follows a sequence: replay, then live, to the terminal event."""
        stream = await self._find(stream_id)
        stream.readers += 1
        try:
            await self._reach(stream, after)
            while not stream.memory.dropped:
                events = stream.memory.batch(after, self._limits)
                if events:
                    after = events[-1].sequence
                    yield events
                elif stream.memory.status is not Status.RUNNING:
                    return
                elif stream.own or not stream.stale:
                    await stream.memory.changed()
                else:
                    await self._catch_up(stream)
        finally:
            stream.readers -= 1
            await self._let_go(stream)
        raise unknown_stream(stream_id)

    async def drop(self, conversation_id: str) -> None:
        """Forget every stream of a conversation, here and in Redis."""
        for stream in self._shelf.of_conversations([conversation_id]):
            self._shelf.forget(stream)
        try:
            await self._store.drop(conversation_id)
            self._to_drop.discard(conversation_id)
        except RedisAway:
            self._to_drop.add(conversation_id)

    async def clean(self) -> int:
        """Forget old streams here; in Redis they expire by themselves."""
        if self._link.up:
            for conversation_id in tuple(self._to_drop):
                await self.drop(conversation_id)
        return self._shelf.clean()

    async def adopt(self, stream_id: str) -> tuple[StreamHeader, Sequence[ChatEvent]]:
        """Make a claimed stream one of this replica's and return its events, led by a snapshot when it was trimmed.

        RedisAway when Redis goes, NotFound when the stream is gone.
        """
        stream = self._shelf.find(stream_id) or await self._follower.follow(stream_id)
        stream.stale = True
        await self._follower.catch_up(stream)
        await self._follower.leave(stream)
        stream.adopt()
        return stream.memory.header, stream.memory.after(0, stream.memory.last)

    async def _begin(self, stream: SharedStream) -> StreamHeader | None:
        """Begin a stream in Redis; return the header of the one that the same request began elsewhere.

        ConversationBusy while another one runs in its conversation, on whatever replica.
        """
        header = stream.memory.header
        command = self._store.opening(header, status=Status.RUNNING, trim=stream.trim(), is_new=True)
        try:
            answer = answer_of((await self._store.run([command]))[0])
        except RedisAway:
            return None
        if answer.running:
            raise ConversationBusy(header.conversation_id, answer.running)
        stream.shipped = 0
        return answer.header

    async def _find(self, stream_id: str) -> SharedStream:
        stream = self._shelf.find(stream_id)
        if stream is None:
            try:
                stream = await self._follower.follow(stream_id)
            except RedisAway:
                raise _away(stream_id) from None
        return stream

    async def _reach(self, stream: SharedStream, after: int) -> None:
        """Return when a stream is as far as a reader has been before."""
        if after > stream.memory.last:
            if stream.own:
                await self._settled(stream)
            else:
                stream.stale = True
                await self._catch_up(stream)
        if stream.memory.dropped:
            raise unknown_stream(stream.stream_id)
        check_reached(stream.memory, after)

    async def _catch_up(self, stream: SharedStream) -> None:
        """Load what was missed; while Redis is away wait for it to come back."""
        try:
            await self._follower.catch_up(stream)
        except RedisAway:
            if not self._link.up:
                await stream.memory.changed()
            else:
                await asyncio.sleep(self._follower.pause)

    async def _settled(self, stream: SharedStream) -> None:
        """Return when readers see everything that was accepted, and other replicas the stream."""
        through = stream.accepted
        while stream.own and not stream.memory.dropped and (stream.memory.last < through or self._unknown(stream)):
            await stream.memory.changed()

    def _unknown(self, stream: SharedStream) -> bool:
        return stream.shipped is None and not stream.apart and self._link.up

    async def _let_go(self, stream: SharedStream) -> None:
        """Stop following a stream that nobody here reads. One that was taken over stays, for its writer to find out."""
        if not stream.own and not stream.readers:
            stream.stale = True
            if not stream.taken_over:
                self._shelf.forget(stream)
            await self._follower.leave(stream)

    def _is_settled(self) -> bool:
        return self._link.settled(_SETTLE_SECONDS)

    def _show(self, stream: SharedStream, through: int) -> None:
        """Let readers see events up to a sequence."""
        shown = stream.take(through)
        if shown:
            self._shelf.write(stream, shown)
        else:
            stream.memory.wake(self._clock.monotonic())

    def _turned(self, up: bool) -> None:
        for stream in self._shelf:
            if not stream.own:
                self._follower.missed(stream)
            elif not up:
                self._show(stream, stream.accepted)
            else:
                # It may have lost what it had; a stream that has ended is not worth asking about.
                if stream.memory.status is Status.RUNNING:
                    stream.shipped = None
                self._shipper.mark(stream)

    def _missed(self) -> None:
        for stream in self._shelf:
            if not stream.own:
                self._follower.missed(stream)


def _away(stream_id: str) -> Unavailable:
    text = f"the event log can't be asked for stream {stream_id} now; try again in a moment"
    return Unavailable(text, reason="EVENT_LOG_UNAVAILABLE", retry_after=1)
