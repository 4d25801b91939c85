"""The streams a replica holds in memory, bounded in bytes and age."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from chat_stream_service.adapters.memory_stream import LogLimits, MemoryStream
from chat_stream_service.domain.model.event import ChatEvent, Status
from chat_stream_service.domain.model.event_log import ConversationBusy
from penstock_kit.clock import Clock
from penstock_kit.errors import NotFound


class HasMemoryStream(Protocol):
    """Anything that keeps one stream's events in memory."""

    @property
    def memory(self) -> MemoryStream:
        """The events."""
        ...


Held = TypeVar("Held", bound=HasMemoryStream)


class StreamTable(Generic[Held]):
    """Streams by id. Running ones are never given up; ended ones go when their time is over or room is needed."""

    def __init__(self, *, limits: LogLimits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._streams: dict[str, Held] = {}
        self._requests: dict[tuple[str, str], str] = {}
        # Streams by conversation that ran when they were put here.
        self._running: dict[str, set[str]] = {}
        self._bytes = 0

    def __iter__(self) -> Iterator[Held]:
        """Iterate the streams, the oldest first."""
        return iter(tuple(self._streams.values()))

    def add(self, stream: Held) -> None:
        """Take a stream in."""
        header = stream.memory.header
        self._streams[header.stream_id] = stream
        self._bytes += stream.memory.bytes
        if header.request_id:
            self._requests[header.conversation_id, header.request_id] = header.stream_id
        self._running.setdefault(header.conversation_id, set()).add(header.stream_id)

    def find(self, stream_id: str) -> Held | None:
        """Return a stream, None when it is not here."""
        return self._streams.get(stream_id)

    def get(self, stream_id: str) -> Held:
        """Return a stream; NotFound when it is not here."""
        stream = self._streams.get(stream_id)
        if stream is None:
            raise unknown_stream(stream_id)
        return stream

    def of_request(self, conversation_id: str, request_id: str) -> Held | None:
        """Return the stream that a non-empty request id began in a conversation."""
        return self._streams.get(self._requests.get((conversation_id, request_id), "")) if request_id else None

    def check_idle(self, conversation_id: str) -> None:
        """Raise ConversationBusy when a stream runs in the conversation."""
        put_here = self._running.get(conversation_id, set())
        for stream_id in sorted(put_here):
            stream = self._streams.get(stream_id)
            if stream is not None and stream.memory.status is Status.RUNNING:
                raise ConversationBusy(conversation_id, stream_id)
            put_here.discard(stream_id)

    def of_conversations(self, conversation_ids: Iterable[str]) -> Sequence[Held]:
        """Return the streams of these conversations, the oldest first."""
        wanted = set(conversation_ids)
        return [stream for stream in self._streams.values() if stream.memory.header.conversation_id in wanted]

    def write(self, stream: Held, events: Sequence[ChatEvent]) -> None:
        """Add events to a stream in the table, trim it, wake its readers; FailedPrecondition when they don't follow."""
        memory = stream.memory
        before = memory.bytes
        try:
            for event in events:
                memory.add(event)
        finally:
            memory.trim(self._limits)
            self._bytes += memory.bytes - before
            memory.wake(self._clock.monotonic())
        if self._bytes > self._limits.max_total_bytes:
            self._make_room()

    def add_bytes(self, change: int) -> None:
        """Note that a stream in the table grew or shrank by so many bytes."""
        self._bytes += change

    def clean(self) -> int:
        """Forget streams that ended, or fell silent, longer ago than the limits say; return how many."""
        now = self._clock.monotonic()
        old = [
            stream
            for stream in self._streams.values()
            if now - stream.memory.changed_at > self._retention_of(stream.memory)
        ]
        for stream in old:
            self.forget(stream)
        return len(old)

    def forget(self, stream: Held) -> None:
        """Take a stream out of the table; its readers end with NotFound."""
        memory = stream.memory
        header = memory.header
        if self._streams.pop(header.stream_id, None) is None:
            return
        self._requests.pop((header.conversation_id, header.request_id), None)
        put_here = self._running.get(header.conversation_id, set())
        put_here.discard(header.stream_id)
        if not put_here:
            self._running.pop(header.conversation_id, None)
        self._bytes -= memory.bytes
        memory.dropped = True
        memory.wake(self._clock.monotonic())

    def _retention_of(self, memory: MemoryStream) -> float:
        return self._limits.max_silence if memory.status is Status.RUNNING else self._limits.retention

    def _make_room(self) -> None:
        """Forget ended streams, the oldest first, until all is within the bytes again."""
        for stream in [item for item in self._streams.values() if item.memory.status is not Status.RUNNING]:
            if self._bytes <= self._limits.max_total_bytes:
                return
            self.forget(stream)


def unknown_stream(stream_id: str) -> NotFound:
    """Return the error for a stream that is not in the log."""
    return NotFound(f"there is no stream {stream_id!r}", reason="STREAM_NOT_FOUND")
