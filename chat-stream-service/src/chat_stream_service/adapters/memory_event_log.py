"""The event log in this process's memory: for one replica, lost with it."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass

from chat_stream_service.adapters.memory_stream import LogLimits, MemoryStream
from chat_stream_service.adapters.stream_table import StreamTable, unknown_stream
from chat_stream_service.domain.model.event import ChatEvent, Status
from chat_stream_service.domain.model.event_log import Offer, StreamHeader, StreamState
from penstock_kit.clock import Clock
from penstock_kit.errors import InvalidArgument


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    memory: MemoryStream


class MemoryEventLog:
    """Streams in a dictionary; see :class:`chat_stream_service.domain.model.event_log.EventLog`.

    Readers share the events and hold only a cursor, so that any number of slow ones costs nothing.
    """

    def __init__(self, *, limits: LogLimits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._streams: StreamTable[_Entry] = StreamTable(limits=limits, clock=clock)

    @property
    def name(self) -> str:
        """``memory``."""
        return "memory"

    @property
    def shared(self) -> bool:
        """No other replica can read it."""
        return False

    async def open(self, header: StreamHeader) -> StreamHeader:
        """Begin a stream, or return the one of the same conversation and request id; ConversationBusy otherwise."""
        known = self._streams.of_request(header.conversation_id, header.request_id)
        if known is not None:
            return known.memory.header
        self._streams.check_idle(header.conversation_id)
        self._streams.add(_Entry(memory=MemoryStream(header, now=self._clock.monotonic())))
        return header

    async def append(self, events: Sequence[ChatEvent]) -> None:
        """Append events of one stream and wake its readers."""
        self._streams.write(self._streams.get(events[0].stream_id), events)

    async def settle(self, stream_id: str) -> None:
        """Return: what is appended is readable."""

    async def describe(self, stream_id: str) -> StreamState | None:
        """Return the stream's state, None when it is not kept."""
        stream = self._streams.find(stream_id)
        return None if stream is None else stream.memory.state()

    async def active(self, conversation_ids: Iterable[str]) -> Mapping[str, str]:
        """Return the newest running stream of each conversation that has one."""
        streams = [stream.memory for stream in self._streams.of_conversations(conversation_ids)]
        return {
            stream.header.conversation_id: stream.header.stream_id
            for stream in streams
            if stream.status is Status.RUNNING
        }

    async def read(
        self, stream_id: str, *, after: int, offer: Offer | None = None
    ) -> AsyncGenerator[Sequence[ChatEvent]]:
        """Yield what follows a sequence: replay, then live, to the terminal event."""
        stream = self._streams.get(stream_id).memory
        check_sequence(stream, after)
        while not stream.dropped:
            events = stream.batch(after, self._limits)
            if events:
                after = events[-1].sequence
                yield events
            elif stream.status is not Status.RUNNING:
                return
            else:
                after = await stream.wait_for_change(after, offer)
        raise unknown_stream(stream_id)

    async def drop(self, conversation_id: str) -> None:
        """Forget every stream of a conversation."""
        for stream in self._streams.of_conversations([conversation_id]):
            self._streams.forget(stream)

    async def clean(self) -> int:
        """Forget streams that ended, or fell silent, longer ago than the limits say."""
        return self._streams.clean()


def check_sequence(stream: MemoryStream, after: int) -> None:
    """Raise InvalidArgument unless a stream has got as far as a sequence that was asked for."""
    if after > stream.last:
        text = f"stream {stream.header.stream_id} is at sequence {stream.last}; {after} is beyond it"
        raise InvalidArgument(text, reason="SEQUENCE_INVALID")
