"""One stream in memory: the events that are kept, and the fold of those that are not."""

import asyncio
from array import array
from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from chat_stream_service.adapters.event_list import EventList
from chat_stream_service.domain.model.event import (
    ChatEvent,
    CompleteState,
    ErrorEvent,
    EventBody,
    MessageChunk,
    Status,
    Thinking,
    ToolCall,
    ToolResult,
    outcome_of,
)
from chat_stream_service.domain.model.event_log import Offer, StreamHeader, StreamState
from chat_stream_service.domain.stream.event_fold import EventFold
from penstock_kit.errors import FailedPrecondition

# What an event costs in memory beside its text at most: until it is packed, see EventList.
_EVENT_BYTES: Final = 400
# Trimming leaves this part of a full stream, so that its cost is spread over many appends.
_KEPT_WHEN_FULL: Final = 7 / 8
# Events that a reader is offered while it waits; one that lags is woken, and takes them in bounded batches.
_MOST_OFFERED: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLimits:
    """Bounds: events and bytes a stream, bytes in all, events and bytes a batch (which holds one event however large);
    seconds an ended stream is kept, and a reader waits for the next event of a stream that does not end."""

    max_events: int = 20_000
    max_stream_bytes: int = 8 * 1024 * 1024
    max_total_bytes: int = 256 * 1024 * 1024
    max_batch: int = 256
    max_batch_bytes: int = 64 * 1024
    retention: float = 300.0
    max_silence: float = 900.0


@dataclass(slots=True, eq=False)
class _Waiting:
    """A reader that has all events up to `after` and waits."""

    after: int
    offer: Offer | None
    woken: asyncio.Future[None]


class MemoryStream:
    """Events of one stream behind a cursor that any number of readers may hold."""

    def __init__(self, header: StreamHeader, *, now: float) -> None:
        self.header = header
        self.bytes = 0
        self.status = Status.RUNNING
        self.changed_at = now
        self.dropped = False
        self._events = EventList()
        self._sizes = array("Q")
        # Most streams are never trimmed.
        self._trimmed: EventFold | None = None
        self._last: int = 0
        self._trim_time = header.create_time
        self._waiting: set[_Waiting] = set()

    @property
    def last(self) -> int:
        """Sequence of the newest event, 0 before the first."""
        return self._last

    @property
    def first(self) -> int:
        """Sequence of the oldest event kept; 1 before the first."""
        return self._last - len(self._events) + 1

    def state(self) -> StreamState:
        """Return what is known of the stream."""
        return StreamState(header=self.header, status=self.status, first_sequence=self.first, last_sequence=self._last)

    def add(self, event: ChatEvent) -> None:
        """Append one event; FailedPrecondition when it does not follow."""
        if self.status is not Status.RUNNING:
            text = f"stream {self.header.stream_id} has ended; event {event.sequence} can't follow"
            raise FailedPrecondition(text, reason="STREAM_CONFLICT")
        if event.sequence != self._last + 1:
            text = f"stream {self.header.stream_id} is at {self._last}; {event.sequence} does not follow"
            raise FailedPrecondition(text, reason="SEQUENCE_CONFLICT")
        size = event_bytes(event.body)
        self._events.append(event)
        self._sizes.append(size)
        self._last = event.sequence
        self.bytes += size
        if event.is_terminal:
            self.status = outcome_of(event.body)
            self._events.end()

    def trim(self, limits: LogLimits) -> None:
        """Fold the oldest events away when there are too many, but never the last one."""
        if len(self._events) <= limits.max_events and self.bytes <= limits.max_stream_bytes:
            return
        count, left = 0, self.bytes
        most_events, most_bytes = limits.max_events * _KEPT_WHEN_FULL, limits.max_stream_bytes * _KEPT_WHEN_FULL
        while count < len(self._events) - 1 and (len(self._events) - count > most_events or left > most_bytes):
            left -= self._sizes[count]
            count += 1
        oldest = self._events.part(0, count)
        self._trimmed = self._trimmed or EventFold()
        self._trimmed.add_events(oldest)
        self._trim_time = oldest[-1].create_time
        self._events.cut(count)
        del self._sizes[:count]
        self.bytes = left

    def after(self, sequence: int, limit: int) -> list[ChatEvent]:
        """Return at most `limit` events that follow a sequence, led by a snapshot when some are not kept."""
        if sequence >= self._last:
            return []
        lead = [self._snapshot_event()] if sequence < self.first - 1 else []
        start = max(0, sequence + 1 - self.first)
        return [*lead, *self._events.part(start, start + limit)]

    def batch(self, sequence: int, limits: LogLimits) -> list[ChatEvent]:
        """Return what follows a sequence and is handed to a reader in one: a slow one holds little of the stream."""
        if sequence == self._last - 1 and self._events:  # a reader that keeps up
            return self._events.last(1)
        start = max(0, sequence + 1 - self.first)
        sizes = accumulate(self._sizes[start : start + limits.max_batch])
        return self.after(sequence, 1 + bisect_left(list(sizes), limits.max_batch_bytes))

    def restart(self, sequence: int, fold: CompleteState) -> None:
        """Forget the events and go on after `sequence`, up to which `fold` is the fold."""
        self._events, self._sizes, self.bytes = EventList(), array("Q"), 0
        self._trimmed = EventFold()
        self._trimmed.add(fold)
        self._last = sequence

    def snapshot(self) -> CompleteState:
        """Return the fold of the events that are not kept any more."""
        return (self._trimmed or EventFold()).snapshot()

    def wake(self, now: float) -> None:
        """Wake the readers that wait now, but those that take what is new while they wait."""
        self.changed_at = now
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, set()
        for reader in waiting:
            if self._is_taken(reader):
                self._waiting.add(reader)
            elif not reader.woken.done():
                reader.woken.set_result(None)

    async def wait_for_change(self, after: int = 0, offer: Offer | None = None) -> int:
        """Return at the next wake the last sequence of the reader, which was `after` before what it was offered."""
        reader = _Waiting(after, offer, asyncio.get_running_loop().create_future())
        self._waiting.add(reader)
        try:
            await reader.woken
        finally:
            self._waiting.discard(reader)
        return reader.after

    def _is_taken(self, reader: _Waiting) -> bool:
        """Offer a reader what is new to it; a wake for anything else, and the end of the stream, is no offer."""
        new = self._last - reader.after
        if reader.offer is None or not 0 < new <= min(_MOST_OFFERED, len(self._events)):
            return False
        if self.status is not Status.RUNNING or self.dropped or reader.woken.done():
            return False
        if not reader.offer(self._events.last(new)):
            return False
        reader.after = self._last
        return True

    def _snapshot_event(self) -> ChatEvent:
        return ChatEvent(
            stream_id=self.header.stream_id,
            conversation_id=self.header.conversation_id,
            sequence=self.first - 1,
            create_time=self._trim_time,
            body=self.snapshot(),
        )


def event_bytes(body: EventBody) -> int:
    """Return about how much memory an event takes."""
    match body:
        case MessageChunk(content=content) | Thinking(content=content) | ToolResult(content=content):
            return _EVENT_BYTES + len(content)
        case ToolCall(arguments_json=arguments):
            return _EVENT_BYTES + len(arguments)
        case CompleteState(content=content, thinking=thinking):
            return _EVENT_BYTES + len(content) + len(thinking)
        case ErrorEvent(partial_content=content):
            return _EVENT_BYTES + len(content)
