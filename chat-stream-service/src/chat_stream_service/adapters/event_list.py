"""The events of a stream in order, those that readers have long had in a fifth of the memory."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Final

from chat_stream_service.domain.model.event import ChatEvent, MessageChunk, Thinking

# Events that are packed together, and how many are kept as they are for those who read along: objects of their own
# take some 300 bytes an event.
_SPAN: Final = 16
_MOST_RECENT: Final = 20
_MICROSECOND: Final = timedelta(microseconds=1)
# Microseconds from the first event of a span to its others, so that they take four bytes.
_LONGEST_SPAN: Final = 2**32


@dataclass(frozen=True, slots=True, eq=False)
class _TextSpan:
    """Consecutive pieces of one kind: their joined text, where each of them ends, and when it was made."""

    kind: type[MessageChunk] | type[Thinking]
    stream_id: str
    conversation_id: str
    first_sequence: int
    first_time: datetime
    text: str
    ends: "array[int]"
    micros: "array[int]"

    def __len__(self) -> int:
        return len(self.ends)

    def unpack(self, start: int, stop: int) -> list[ChatEvent]:
        """Return some of the events as they were."""
        begin = self.ends[start - 1] if start else 0
        events: list[ChatEvent] = []
        for at in range(start, min(stop, len(self.ends))):
            event = ChatEvent(
                stream_id=self.stream_id,
                conversation_id=self.conversation_id,
                sequence=self.first_sequence + at,
                create_time=self.first_time + timedelta(microseconds=self.micros[at]),
                body=self.kind(content=self.text[begin : self.ends[at]]),
            )
            begin = self.ends[at]
            events.append(event)
        return events


@dataclass(frozen=True, slots=True, eq=False)
class _PlainSpan:
    """Consecutive events of several kinds, as they are."""

    events: tuple[ChatEvent, ...]

    def __len__(self) -> int:
        return len(self.events)

    def unpack(self, start: int, stop: int) -> Sequence[ChatEvent]:
        """Return some of the events."""
        return self.events[start:stop]


class EventList:
    """A list of one stream's events that is added to at its end and cut at its beginning."""

    __slots__ = ("_packed", "_recent", "_skipped", "_spans")

    def __init__(self) -> None:
        self._spans: list[_TextSpan | _PlainSpan] = []
        # Events in the spans, and those at the beginning of the first one that were cut.
        self._packed = 0
        self._skipped = 0
        self._recent: list[ChatEvent] = []

    def __len__(self) -> int:
        return self._packed - self._skipped + len(self._recent)

    def append(self, event: ChatEvent) -> None:
        """Add the event that follows."""
        recent = self._recent
        recent.append(event)
        if len(recent) >= _MOST_RECENT:
            self._pack(_SPAN)

    def end(self) -> None:
        """Pack all but the last event: nothing is added after it."""
        while len(self._recent) > 1:
            self._pack(min(_SPAN, len(self._recent) - 1))

    def last(self, count: int) -> list[ChatEvent]:
        """Return the newest `count` events, no more than there are."""
        if count <= len(self._recent):
            return self._recent[-count:] if count else []
        return self.part(max(0, len(self) - count), len(self))

    def part(self, start: int, stop: int) -> list[ChatEvent]:
        """Return the events from the place `start` to before `stop`."""
        start, stop = start + self._skipped, stop + self._skipped
        found: list[ChatEvent] = []
        # Every span but the last is full, and an ended stream gets no span after one that is not.
        while start < min(stop, self._packed):
            number, at = divmod(start, _SPAN)
            found += self._spans[number].unpack(at, at + stop - start)
            start = min((number + 1) * _SPAN, self._packed)
        return found + self._recent[max(0, start - self._packed) : max(0, stop - self._packed)]

    def cut(self, count: int) -> None:
        """Forget the oldest `count` events, no more than there are."""
        self._skipped += count
        whole = min(self._skipped // _SPAN, self._packed // _SPAN)
        del self._spans[:whole]
        self._packed -= whole * _SPAN
        self._skipped -= whole * _SPAN
        if self._skipped > self._packed:
            del self._recent[: self._skipped - self._packed]
            self._skipped = self._packed

    def _pack(self, count: int) -> None:
        self._spans.append(_span_of(self._recent[:count]))
        self._packed += count
        del self._recent[:count]


def _span_of(events: Sequence[ChatEvent]) -> _TextSpan | _PlainSpan:
    for kind in (MessageChunk, Thinking):
        texts = [event.body.content for event in events if isinstance(event.body, kind) and event.debug is None]
        if len(texts) == len(events):
            return _text_span(kind, texts, events) or _PlainSpan(tuple(events))
    return _PlainSpan(tuple(events))


def _text_span(
    kind: type[MessageChunk] | type[Thinking], texts: Sequence[str], events: Sequence[ChatEvent]
) -> _TextSpan | None:
    """Return the span of pieces of one kind; None where a clock was set back, or stood still for an hour, meanwhile."""
    first = events[0]
    micros = [(event.create_time - first.create_time) // _MICROSECOND for event in events]
    if min(micros) < 0 or max(micros) >= _LONGEST_SPAN:
        return None
    return _TextSpan(
        kind=kind,
        stream_id=first.stream_id,
        conversation_id=first.conversation_id,
        first_sequence=first.sequence,
        first_time=first.create_time,
        text="".join(texts),
        ends=array("I", accumulate(map(len, texts))),
        micros=array("I", micros),
    )
