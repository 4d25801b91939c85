"""How a turn gets into the store, beside the stream and never in its way."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from chat_stream_service.domain.model.conversation_store import ConversationStore, StreamRecord
from chat_stream_service.domain.model.event import CompleteState, ErrorEvent, outcome_of
from chat_stream_service.domain.model.event_log import StreamHeader
from chat_stream_service.domain.model.message import Message, Role
from chat_stream_service.domain.stream.pending_writes import PendingWrites
from chat_stream_service.domain.stream.transcript import Transcript
from penstock_kit.clock import Clock
from penstock_kit.errors import Unavailable
from penstock_kit.logging import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingLimits:
    """Seconds: how long storing the question waits for the first event, which it would hold up; the time that event
    then has to get out; and how long the terminal event waits for the store."""

    question: float = 0.02
    head_start: float = 0.005
    terminal_event: float = 5.0


class Recording:
    """Stores the question while the answer is made, and the answer before its terminal event.

    A store that fails never costs the stream; what it did not take because it was away goes to `pending_writes`.
    """

    def __init__(
        self,
        *,
        header: StreamHeader,
        question: Message,
        title: str,
        transcript: Transcript,
        store: ConversationStore,
        pending_writes: PendingWrites,
        limits: RecordingLimits,
        clock: Clock,
    ) -> None:
        self._header = header
        self._question = question
        self._title = title
        self._transcript = transcript
        self._store = store
        self._pending_writes = pending_writes
        self._limits = limits
        self._clock = clock
        # Not an Event, which is five times as large.
        self._first_event: asyncio.Future[None] | None = None
        self._begin_task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Start to store the question, soon."""
        self._first_event = asyncio.get_running_loop().create_future()
        self._begin_task = asyncio.create_task(self._begin_soon(self._first_event))

    def on_first_event(self) -> None:
        """Let the question be stored now."""
        if self._first_event is not None and not self._first_event.done():
            self._first_event.set_result(None)

    def close(self) -> None:
        """Give up what is still under way."""
        if self._begin_task is not None:
            self._begin_task.cancel()

    async def end(self, body: CompleteState | ErrorEvent, *, sequence: int) -> CompleteState | ErrorEvent:
        """Store the turn that ends with `body` and return `body` with the id of the stored message.

        When the store is down the id stays empty, and the turn is stored later.
        """
        messages = self._transcript.finish(outcome_of(body))
        last = next(message.id for message in reversed(messages) if message.role is Role.ASSISTANT)
        stored = replace(body, message_id=last) if isinstance(body, CompleteState) else body
        record = StreamRecord(
            header=self._header, last_sequence=sequence, terminal_event=stored, end_time=self._clock.now()
        )
        try:
            async with asyncio.timeout(self._limits.terminal_event):
                with self._pending_writes.track_write():
                    await self._wait_until_begun()
                    await self._store.end_stream(record, messages)
        except (Unavailable, TimeoutError) as error:
            stream_id = self._header.stream_id
            log.warning("answer not stored yet", stream_id=stream_id, detail=str(error) or "the store took too long")
            self._pending_writes.add(stream_id, lambda: self._store_late(record, messages))
            return body
        except Exception:
            # Whatever is wrong with the store, the readers get their terminal event.
            log.exception("answer not stored", stream_id=self._header.stream_id)
            return body
        return stored

    async def _begin_soon(self, first_event: "asyncio.Future[None]") -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._limits.question):
                await first_event
                await asyncio.sleep(self._limits.head_start)
        await self._begin()

    async def _begin(self) -> None:
        await self._store.begin_stream(self._header, self._question, title=self._title)

    async def _store_late(self, record: StreamRecord, messages: Sequence[Message]) -> None:
        async with asyncio.timeout(self._limits.terminal_event):
            await self._begin()
            await self._store.end_stream(record, messages)

    async def _wait_until_begun(self) -> None:
        """Return when the question is stored; a failed first try is repeated, now that time has passed."""
        self.on_first_event()
        try:
            if self._begin_task is not None:
                await self._begin_task
        except Exception:
            log.exception("question not stored, trying again", stream_id=self._header.stream_id)
            await self._begin()
