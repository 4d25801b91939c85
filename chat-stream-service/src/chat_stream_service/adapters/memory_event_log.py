"""The event log in this process's memory: for one replica, lost with it."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence

from chat_stream_service.adapters.memory_stream import LogLimits, MemoryStream
from chat_stream_service.domain.event import ChatEvent, Status
from chat_stream_service.domain.event_log import StreamHeader, StreamState
from penstock_kit.clock import Clock
from penstock_kit.errors import InvalidArgument, NotFound, Unavailable


class MemoryEventLog:
    """Streams in a dictionary; see :class:`chat_stream_service.domain.event_log.EventLog`.

    Readers share the events and hold only a cursor, so that any number of slow ones costs nothing.
    """

    def __init__(self, *, limits: LogLimits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._streams: dict[str, MemoryStream] = {}
        self._requests: dict[tuple[str, str], str] = {}
        self._bytes = 0

    @property
    def name(self) -> str:
        """``memory``."""
        return "memory"

    async def open(self, header: StreamHeader) -> StreamHeader:
        """Begin a stream, or return the one of the same conversation and request id."""
        key = (header.conversation_id, header.request_id)
        known = self._streams.get(self._requests.get(key, "")) if header.request_id else None
        if known is not None:
            return known.header
        self._streams[header.stream_id] = MemoryStream(header, now=self._clock.monotonic())
        if header.request_id:
            self._requests[key] = header.stream_id
        return header

    async def append(self, events: Sequence[ChatEvent]) -> None:
        """Append events of one stream and wake its readers."""
        stream = self._stream(events[0].stream_id)
        before = stream.bytes
        for event in events:
            stream.add(event)
        stream.trim(self._limits)
        self._bytes += stream.bytes - before
        stream.wake(self._clock.monotonic())
        if self._bytes > self._limits.max_total_bytes:
            self._make_room()

    async def describe(self, stream_id: str) -> StreamState | None:
        """Return the stream's state, None when it is not kept."""
        stream = self._streams.get(stream_id)
        return None if stream is None else stream.state()

    async def active(self, conversation_ids: Iterable[str]) -> Mapping[str, str]:
        """Return the newest running stream of each conversation that has one."""
        wanted = set(conversation_ids)
        return {
            stream.header.conversation_id: stream_id
            for stream_id, stream in self._streams.items()
            if stream.status is Status.RUNNING and stream.header.conversation_id in wanted
        }

    async def read(self, stream_id: str, *, after: int) -> AsyncGenerator[Sequence[ChatEvent]]:
        """Yield what follows a sequence: replay, then live, to the terminal event."""
        stream = self._stream(stream_id)
        if after > stream.last:
            text = f"stream {stream_id} is at sequence {stream.last}; {after} is beyond it"
            raise InvalidArgument(text, reason="SEQUENCE_BEYOND_END")
        while not stream.dropped:
            events = stream.after(after, self._limits.max_batch)
            if events:
                after = events[-1].sequence
                yield events
            elif stream.status is not Status.RUNNING:
                return
            else:
                await self._change_of(stream)
        raise _unknown(stream_id)

    async def drop(self, conversation_id: str) -> None:
        """Forget every stream of a conversation."""
        for stream in [item for item in self._streams.values() if item.header.conversation_id == conversation_id]:
            self._forget(stream)

    async def clean(self) -> int:
        """Forget streams that ended, or fell silent, longer ago than the limits say."""
        now = self._clock.monotonic()
        old = [stream for stream in self._streams.values() if now - stream.changed_at > self._kept_for(stream)]
        for stream in old:
            self._forget(stream)
        return len(old)

    async def _change_of(self, stream: MemoryStream) -> None:
        try:
            async with asyncio.timeout(self._limits.max_silence):
                await stream.changed()
        except TimeoutError:
            text = f"stream {stream.header.stream_id} has been silent for {self._limits.max_silence:g} s"
            raise Unavailable(text, reason="STREAM_STALLED") from None

    def _kept_for(self, stream: MemoryStream) -> float:
        return self._limits.max_silence if stream.status is Status.RUNNING else self._limits.retention

    def _make_room(self) -> None:
        """Forget ended streams, the oldest first, until the log is within its bytes again."""
        for stream in [item for item in self._streams.values() if item.status is not Status.RUNNING]:
            if self._bytes <= self._limits.max_total_bytes:
                return
            self._forget(stream)

    def _forget(self, stream: MemoryStream) -> None:
        header = stream.header
        del self._streams[header.stream_id]
        self._requests.pop((header.conversation_id, header.request_id), None)
        self._bytes -= stream.bytes
        stream.dropped = True
        stream.wake(self._clock.monotonic())

    def _stream(self, stream_id: str) -> MemoryStream:
        stream = self._streams.get(stream_id)
        if stream is None:
            raise _unknown(stream_id)
        return stream


def _unknown(stream_id: str) -> NotFound:
    return NotFound(f"there is no stream {stream_id!r}", reason="STREAM_NOT_FOUND")
