"""Streams whose replica died, and how they get their end."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from chat_stream_service.domain.model.conversation_store import ConversationStore, StreamRecord
from chat_stream_service.domain.model.event import ChatEvent, CompleteState, MessageChunk, Status, Thinking
from chat_stream_service.domain.model.event_log import EventLog, StreamHeader
from chat_stream_service.domain.model.message import Message
from chat_stream_service.domain.stream.terminal_event import replica_lost
from chat_stream_service.domain.stream.transcript import Transcript
from penstock_kit.clock import Clock
from penstock_kit.errors import PenstockError
from penstock_kit.logging import get_logger

log = get_logger(__name__)

# The end of a lost stream waits so long for the store.
_STORE_SECONDS: Final = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class LostStream:
    """A running stream that is this replica's now, with its events, led by a snapshot when it was trimmed."""

    header: StreamHeader
    events: Sequence[ChatEvent]


class LostStreams(Protocol):
    """Finds running streams whose replica has died and makes them this replica's."""

    async def claim(self) -> Sequence[LostStream]:
        """Return the streams claimed now; what can't be claimed now is found again later. Never raises."""
        ...


class LostStreamRecovery:
    """Ends lost streams with a typed, retryable error, and stores what had been said."""

    def __init__(
        self,
        *,
        lost: LostStreams,
        event_log: EventLog,
        store: ConversationStore,
        clock: Clock,
        new_id: Callable[[str], str],
    ) -> None:
        self._lost = lost
        self._log = event_log
        self._store = store
        self._clock = clock
        self._new_id = new_id

    async def run(self, *, interval: float) -> None:
        """Look every `interval` seconds until cancelled."""
        while True:
            await self.recover()
            await asyncio.sleep(interval)

    async def recover(self) -> None:
        """End every stream that is lost now."""
        for stream in await self._lost.claim():
            try:
                await self._end(stream)
            except Exception:
                log.exception("lost stream not ended", stream_id=stream.header.stream_id)

    async def _end(self, stream: LostStream) -> None:
        """Store what had been said, then write the end; a slow store comes after it."""
        header = stream.header
        body = replica_lost(_text(stream.events))
        event = ChatEvent(
            stream_id=header.stream_id,
            conversation_id=header.conversation_id,
            sequence=stream.events[-1].sequence + 1 if stream.events else 1,
            create_time=self._clock.now(),
            body=body,
        )
        record = StreamRecord(
            header=header, last_sequence=event.sequence, terminal_event=body, end_time=event.create_time
        )
        storing = asyncio.create_task(self._store.end_stream(record, self._messages(stream)))
        await asyncio.wait([storing], timeout=_STORE_SECONDS)
        await self._log.append([event])
        log.warning("ended the stream of a lost replica", stream_id=header.stream_id, sequence=event.sequence)
        try:
            await storing
        except PenstockError as error:
            log.warning("a lost answer is not stored", stream_id=header.stream_id, detail=error.message)

    def _messages(self, stream: LostStream) -> Sequence[Message]:
        transcript = Transcript(stream.header, clock=self._clock, new_id=self._new_id)
        for event in stream.events:
            _replay(transcript, event)
        return transcript.finish(Status.ERROR)


def _replay(transcript: Transcript, event: ChatEvent) -> None:
    match event.body:
        case CompleteState(content=content, thinking=thinking):
            transcript.add(Thinking(content=thinking))
            transcript.add(MessageChunk(content=content))
        case body:
            if not event.is_terminal:
                transcript.add(body)  # pyright: ignore[reportArgumentType] - no terminal kind is left


def _text(events: Sequence[ChatEvent]) -> str:
    folded = [event.body.content for event in events if isinstance(event.body, CompleteState | MessageChunk)]
    return "".join(folded)
