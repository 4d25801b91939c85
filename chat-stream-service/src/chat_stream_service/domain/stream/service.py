"""Streams: begun, read, stopped and described; the one owner of every answer under way on this replica."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.conversation_store import ConversationStore, StreamRecord
from chat_stream_service.domain.model.event import ChatEvent, Status, outcome_of
from chat_stream_service.domain.model.event_log import (
    ConversationBusy,
    EventLog,
    Offer,
    StreamHeader,
    StreamState,
    StreamTakenOver,
)
from chat_stream_service.domain.model.feed import Announcement, Feed
from chat_stream_service.domain.model.replica_bus import (
    ConversationDropped,
    Notice,
    ReaderCountChanged,
    ReplicaBus,
    ReplicaLost,
    StopRequested,
)
from chat_stream_service.domain.model.stream_request import OnBusy, StreamRequest
from chat_stream_service.domain.stream.pending_writes import PendingWrites
from chat_stream_service.domain.stream.question_queue import QuestionQueue
from chat_stream_service.domain.stream.remote_readers import RemoteReaderCounts
from chat_stream_service.domain.stream.run import StopCause, StreamRun
from chat_stream_service.domain.stream.run_factory import ExistingStream, RunFactory
from chat_stream_service.domain.stream.stored_stream import stored_stream_events, stored_stream_state
from chat_stream_service.domain.stream.subscribers import StreamSubscribers
from chat_stream_service.domain.stream.tenant_shares import TenantShares
from penstock_kit.clock import Clock
from penstock_kit.context import current_context, set_context
from penstock_kit.errors import DeadlineExceeded, NotFound, ResourceExhausted, Unavailable
from penstock_kit.logging import get_logger
from penstock_kit.overload import LoadShedder

log = get_logger(__name__)

# A request to another replica to stop is repeated so often, in seconds, until the stream ends.
_ASK_AGAIN: Final = 0.5
_CALLS_END_LATER_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """Streams at once; seconds one goes on unread, may take in all, and a stop waits for its end.

    Of one conversation, questions that wait for an answer before theirs, and seconds that each of them waits.
    """

    max_streams: int = 2000
    detach_seconds: float = 120.0
    total_seconds: float = 600.0
    stop_seconds: float = 5.0
    most_waiting: int = 8
    wait_seconds: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _RunningStream:
    run: StreamRun
    subscribers: StreamSubscribers
    task: asyncio.Task[None]


class StreamService:
    """Runs answers apart from whoever reads them.

    A stream is a task of this service, not of the call that began it; readers come, go and come back, and all of
    them, the first included, read from the event log.
    """

    def __init__(
        self,
        *,
        runs: RunFactory,
        event_log: EventLog,
        store: ConversationStore,
        bus: ReplicaBus,
        remote_readers: RemoteReaderCounts,
        feed: Feed,
        pending_writes: PendingWrites,
        shedder: LoadShedder,
        limits: StreamLimits,
        clock: Clock,
    ) -> None:
        self._runs = runs
        self._bus = bus
        self._remote_readers = remote_readers
        self._feed = feed
        self._log = event_log
        self._store = store
        self._pending_writes = pending_writes
        self._shedder = shedder
        self._limits = limits
        self._clock = clock
        self._running: dict[str, _RunningStream] = {}
        self._shares = TenantShares()
        self._queue = QuestionQueue(most=limits.most_waiting)
        self._closing = False
        bus.listen(self._on_notice)

    async def start(self, request: StreamRequest) -> str:
        """Begin to answer and return the stream's id; for a repeated request id, that of the stream it began.

        Raises what :meth:`RunFactory.make` raises, ResourceExhausted when too many streams run or questions wait, and
        Unavailable while shutting down or (LOAD_LIMIT_EXCEEDED) when there is more to do than can be done or stored
        in time.
        """
        self._check_room(request.owner.tenant_id)
        run = await (self._runs.make(request) if request.on_busy is OnBusy.REFUSE else self._make_in_turn(request))
        if isinstance(run, ExistingStream):
            return run.stream_id
        stream_id = run.header.stream_id
        subscribers = StreamSubscribers(
            request.on_disconnect,
            detach_seconds=self._limits.detach_seconds,
            on_abandoned=lambda: self._abandon(run),
        )
        task = asyncio.create_task(self._produce(run, request.client_id), name=stream_id)
        self._running[stream_id] = _RunningStream(run=run, subscribers=subscribers, task=task)
        self._shares.add(run.header.tenant_id)
        return stream_id

    @property
    def waiting(self) -> int:
        """How many questions wait for the answer before theirs, on this replica."""
        return self._queue.waiting

    async def _make_in_turn(self, request: StreamRequest) -> StreamRun | ExistingStream:
        """Make the run when what is being answered in the conversation, on whatever replica, has its end."""
        end = self._clock.monotonic() + self._limits.wait_seconds
        async with self._queue.turn(request.conversation_id):
            while True:
                self._check_open()
                try:
                    return await self._runs.make(request)
                except ConversationBusy as busy:
                    if not await self._wait_until_ended(busy.stream_id, end):
                        raise

    async def _wait_until_ended(self, stream_id: str, end: float) -> bool:
        """Return when a stream has ended, False when it has not by the time `end`."""
        try:
            async with asyncio.timeout(end - self._clock.monotonic()):
                await self._outcome(stream_id, after=0)
        except TimeoutError:
            return False
        except NotFound:
            pass  # its conversation is being deleted, or its log has forgotten it
        return True

    async def read(
        self, owner: Owner, stream_id: str, *, after: int, offer: Offer | None = None
    ) -> AsyncGenerator[Sequence[ChatEvent]]:
        """Yield the owner's events after a sequence, in batches, replay first, then live, to the terminal one.

        What `offer` takes, while the reader waits, is not yielded.

        A stream that the log has forgotten is answered from the store: by its terminal event alone.
        """
        known = await self._find(owner, stream_id)
        if isinstance(known, StreamRecord):
            events = stored_stream_events(known, after=after, now=self._clock.now())
            if events:
                yield events
            return
        async with (
            self._count_reader(known),
            aclosing(self._log.read(stream_id, after=after, offer=offer)) as batches,
        ):
            async for batch in batches:
                yield batch

    async def stop(self, owner: Owner, stream_id: str) -> bool:
        """End a running stream; returns when its terminal event is in the log. False when it had ended already.

        A stream of another replica is ended by that one; DeadlineExceeded when it does not.
        """
        state = await self.describe(owner, stream_id)
        if state.status is not Status.RUNNING:
            return False
        running = self._running.get(stream_id)
        if running is None:
            return await self._stop_elsewhere(state)
        stopped = running.run.stop(StopCause.USER)
        await self._wait_for([running], self._limits.stop_seconds)
        return stopped

    async def describe(self, owner: Owner, stream_id: str) -> StreamState:
        """Return the state of the owner's stream; NotFound otherwise."""
        known = await self._find(owner, stream_id)
        return stored_stream_state(known) if isinstance(known, StreamRecord) else known

    async def forget_conversation(self, conversation_id: str) -> None:
        """Stop what runs in a conversation, on any replica, and drop its events, before the conversation is deleted."""
        await self._bus.publish(ConversationDropped(conversation_id=conversation_id))
        await self._forget_here(conversation_id)

    async def _forget_here(self, conversation_id: str) -> None:
        running = [item for item in self._running.values() if item.run.header.conversation_id == conversation_id]
        for item in running:
            item.run.stop(StopCause.USER)
        await self._wait_for(running, self._limits.stop_seconds)
        await self._log.drop(conversation_id)

    async def drain(self, seconds: float) -> None:
        """Begin no more streams; give running ones `seconds`, then end them with a retryable error."""
        self._closing = True
        await self._wait_for(list(self._running.values()), seconds)
        late = list(self._running.values())
        for item in late:
            item.run.stop(StopCause.SHUTDOWN)
        await self._wait_for(late, self._limits.stop_seconds)
        for item in list(self._running.values()):
            item.task.cancel()

    async def _produce(self, run: StreamRun, client_id: str) -> None:
        """Run to the end in a context of its own: the caller's identity and trace, but not the call's deadline.

        The calls that the answer makes may end a little later than it, so that its own limit is what ends it.
        """
        deadline = time.monotonic() + self._limits.total_seconds + _CALLS_END_LATER_SECONDS
        set_context(replace(current_context(), deadline=deadline))
        announcing = asyncio.create_task(self._announce(run.header, client_id))
        try:
            await run.produce()
            await announcing
        except Exception:
            log.exception("stream has no end", stream_id=run.header.stream_id)
        finally:
            announcing.cancel()
            self._running.pop(run.header.stream_id).subscribers.close()
            self._shares.remove(run.header.tenant_id)

    async def _announce(self, header: StreamHeader, client_id: str) -> None:
        """Tell the user's clients of a stream as soon as every replica can read it."""
        try:
            await self._log.settle(header.stream_id)
        except (StreamTakenOver, NotFound):
            return
        owner = Owner(tenant_id=header.tenant_id, user_id=header.user_id)
        await self._feed.announce(owner, Announcement(stream_id=header.stream_id, client_id=client_id))

    async def _find(self, owner: Owner, stream_id: str) -> StreamState | StreamRecord:
        """Return the owner's stream as the log has it, else as it is recorded; NotFound otherwise.

        Unavailable for a stream without an end while the log can't be asked: it may well be running.
        """
        try:
            state = await self._log.describe(stream_id)
        except Unavailable:
            record = await self._store.stream(owner, stream_id)
            if record.terminal_event is None:
                raise
            return record
        if state is None:
            return await self._store.stream(owner, stream_id)
        _check_owner(owner, state)
        return state

    @asynccontextmanager
    async def _count_reader(self, state: StreamState) -> AsyncGenerator[None]:
        """Count a reader in for the length of the block, with the replica that makes the stream."""
        running = self._running.get(state.header.stream_id)
        if running is not None:
            running.subscribers.join()
            try:
                yield
            finally:
                running.subscribers.leave()
        elif state.status is Status.RUNNING:
            async with self._remote_readers.count_reader(state.header.stream_id):
                yield
        else:
            yield

    async def _stop_elsewhere(self, state: StreamState) -> bool:
        stream_id = state.header.stream_id
        ended = asyncio.create_task(self._outcome(stream_id, after=state.last_sequence))
        try:
            async with asyncio.timeout(self._limits.stop_seconds):
                while not ended.done():
                    await self._bus.publish(StopRequested(stream_id=stream_id))
                    await asyncio.wait([ended], timeout=_ASK_AGAIN)
        except TimeoutError:
            text = f"stream {stream_id} has not ended within {self._limits.stop_seconds:g} s; ask again"
            raise DeadlineExceeded(text, reason="STOP_TIMEOUT") from None
        finally:
            ended.cancel()
        return ended.result() is Status.STOPPED

    async def _outcome(self, stream_id: str, *, after: int) -> Status:
        """Return how a stream ends, when it does."""
        outcome = Status.RUNNING
        async with aclosing(self._log.read(stream_id, after=after)) as batches:
            async for batch in batches:
                outcome = outcome_of(batch[-1].body)
        return outcome

    async def _on_notice(self, notice: Notice) -> None:
        match notice:
            case StopRequested(stream_id=stream_id):
                if (running := self._running.get(stream_id)) is not None:
                    running.run.stop(StopCause.USER)
            case ReaderCountChanged(stream_id=stream_id):
                if (running := self._running.get(stream_id)) is not None:
                    running.subscribers.set_remote_readers(notice.replica, notice.readers)
            case ReplicaLost(replica=replica):
                for running in self._running.values():
                    running.subscribers.set_remote_readers(replica, 0)
            case ConversationDropped(conversation_id=conversation_id):
                await self._forget_here(conversation_id)
            case _:
                pass

    def _abandon(self, run: StreamRun) -> None:
        """End an answer that nobody reads; but readers that are sent away at the end of the service come back."""
        if not self._closing:
            run.stop(StopCause.ABANDONED)

    async def _wait_for(self, running: Iterable[_RunningStream], seconds: float) -> None:
        tasks = [item.task for item in running]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)

    def _check_open(self) -> None:
        if self._closing:
            raise Unavailable("the service is shutting down; ask again", reason="REPLICA_UNAVAILABLE", retry_after=1)

    def _check_room(self, tenant_id: str) -> None:
        self._check_open()
        if len(self._running) + self._queue.waiting >= self._limits.max_streams:
            text = f"{len(self._running):,} streams run, no more than that at once; ask again in a moment"
            raise ResourceExhausted(text, reason="STREAMS_LIMIT_EXCEEDED", retry_after=1)
        self._pending_writes.check_room(len(self._running))
        # A tenant with less than its equal share is served: it is not the one who asks too much.
        if self._shares.has_its_share(tenant_id):
            self._pending_writes.check_delay()
            self._shedder.check()


def _check_owner(owner: Owner, state: StreamState) -> None:
    header = state.header
    if (header.tenant_id, header.user_id) != (owner.tenant_id, owner.user_id):
        raise NotFound(f"there is no stream {header.stream_id!r}", reason="STREAM_NOT_FOUND")
