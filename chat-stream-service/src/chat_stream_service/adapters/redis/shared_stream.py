"""One stream on a replica that shares it: written here and shipped to Redis, or followed from there."""

from collections.abc import Sequence

from chat_stream_service.adapters.memory_stream import MemoryStream
from chat_stream_service.adapters.redis.stream_store import Trim
from chat_stream_service.domain.model.event import ChatEvent
from chat_stream_service.domain.model.event_log import StreamTakenOver
from penstock_kit.errors import FailedPrecondition


class SharedStream:
    """`memory` holds what readers see. Of an own stream that is what Redis has too, so that no reader is ever ahead
    of the other replicas; what it has not yet waits in `pending`. While Redis is away readers see everything.

    `shipped` is the last sequence Redis is known to have, None when it does not know the stream (any more).
    """

    def __init__(self, memory: MemoryStream, *, own: bool) -> None:
        self.memory = memory
        self.own = own
        self.written: int | None = None
        self.pending: list[ChatEvent] = []
        self.accepted = memory.last
        self.ended = False
        # Another replica took this stream over; readers here have seen no more than Redis has.
        self.taken_over = False
        # Redis holds less than readers here have seen, and will not be told the rest.
        self.diverged = False
        # Of a followed stream: something was missed, it must be loaded again from the last event on.
        self.stale = True
        self.readers = 0
        self._trimmed_to = memory.first - 1

    @property
    def stream_id(self) -> str:
        """The stream's id."""
        return self.memory.header.stream_id

    def accept(self, events: Sequence[ChatEvent]) -> None:
        """Take events to be written.

        FailedPrecondition when they don't follow, StreamTakenOver when they may not any more.
        """
        self.check_own()
        for event in events:
            if self.ended:
                text = f"stream {self.stream_id} has ended; event {event.sequence} can't follow"
                raise FailedPrecondition(text, reason="STREAM_CONFLICT")
            if event.sequence != self.accepted + 1:
                text = f"stream {self.stream_id} is at {self.accepted}; {event.sequence} does not follow"
                raise FailedPrecondition(text, reason="SEQUENCE_CONFLICT")
            self.pending.append(event)
            self.accepted = event.sequence
            self.ended = event.is_terminal

    def check_own(self) -> None:
        """Raise StreamTakenOver when another replica has taken the stream over."""
        if self.taken_over:
            text = f"stream {self.stream_id} was ended by another replica, which took this one for dead"
            raise StreamTakenOver(text, reason="STREAM_CONFLICT")

    @property
    def needs_opening(self) -> bool:
        """Whether Redis does not know the stream, or lacks events that are not kept here any more."""
        return self.written is None or self.written < self.memory.first - 1

    @property
    def needs_trimming(self) -> bool:
        """Whether Redis keeps events that are folded away here."""
        return not self.needs_opening and self._trimmed_to < self.memory.first - 1

    @property
    def needs_writing(self) -> bool:
        """Whether Redis should be told something."""
        if not self.own or self.diverged:
            return False
        return self.written is None or self.written < self.accepted or self.needs_trimming

    def unwritten(self, limit: int) -> Sequence[ChatEvent]:
        """Return at most `limit` of the events that Redis lacks, in order; the first ones of those kept when it lacks
        more than that."""
        shipped = max(self.written or 0, self.memory.first - 1)
        if shipped < self.memory.last:
            return self.memory.after(shipped, limit)
        return self.pending[:limit]

    def trim(self) -> Trim:
        """Return what is folded away here, of which Redis is told now."""
        self._trimmed_to = self.memory.first - 1
        return Trim(base=self._trimmed_to, fold=self.memory.snapshot())

    def pop_pending(self, through: int) -> Sequence[ChatEvent]:
        """Return the pending events up to a sequence, which are to be shown now."""
        count = max(0, min(through, self.accepted) - self.memory.last)
        shown, self.pending = self.pending[:count], self.pending[count:]
        return shown

    def on_taken_over(self, last: int) -> None:
        """Note that the stream is another replica's, which has it up to `last`.

        Readers that have seen no more are told the rest by that replica; else they are told it by this one, alone.
        """
        if last < self.memory.last:
            self.diverged = True
            return
        self.own, self.taken_over, self.stale = False, True, True
        self.pending, self.accepted = [], self.memory.last

    def adopt(self) -> None:
        """Become this replica's own; Redis has exactly what is here."""
        self.own, self.stale, self.taken_over = True, False, False
        self.accepted = self.written = self.memory.last
        self._trimmed_to = self.memory.first - 1
