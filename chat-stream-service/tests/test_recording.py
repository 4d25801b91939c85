"""How a turn gets into a store that is slow, beside the stream and never in its way."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from chat_stream_service.domain.model.conversation_store import StreamRecord
from chat_stream_service.domain.model.event import CompleteState, Status
from chat_stream_service.domain.model.event_log import StreamHeader
from chat_stream_service.domain.model.message import Message, Role
from chat_stream_service.domain.stream.pending_writes import PendingWrites
from chat_stream_service.domain.stream.recording import Recording, RecordingLimits
from chat_stream_service.domain.stream.transcript import Transcript
from penstock_testkit.clock import ManualClock
from penstock_testkit.waiting import HANG_SECONDS

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HEADER = StreamHeader(
    stream_id="strm_1", conversation_id="conv_1", tenant_id="acme", user_id="ann", create_time=NOW, request_id=""
)
QUESTION = Message(id="msg_0", conversation_id="conv_1", role=Role.USER, content="Hi", create_time=NOW)
ANSWER = CompleteState(status=Status.COMPLETED, content="Hello", thinking="", model="m")


class SlowStore:
    """Hangs at the end of a stream until `well`, and remembers what it took."""

    def __init__(self) -> None:
        self.well = False
        self.begun: list[str] = []
        self.ended: list[tuple[StreamRecord, Sequence[Message]]] = []

    async def begin_stream(self, header: StreamHeader, question: Message, *, title: str) -> None:
        self.begun.append(question.id)

    async def end_stream(self, record: StreamRecord, added: Sequence[Message]) -> None:
        if not self.well:
            await asyncio.Event().wait()
        self.ended.append((record, added))


async def test_a_store_that_hangs_holds_the_end_up_for_its_time_and_gets_the_answer_later() -> None:
    store, pending_writes, clock = SlowStore(), PendingWrites(), ManualClock()
    transcript = Transcript(HEADER, clock=clock, new_id=lambda prefix: f"{prefix}_1")
    anything: Any = store  # the part of a store that a recording uses
    recording = Recording(
        header=HEADER,
        question=QUESTION,
        title="",
        transcript=transcript,
        store=anything,
        pending_writes=pending_writes,
        limits=RecordingLimits(terminal_event=0.05),
        clock=clock,
    )
    recording.begin()
    async with asyncio.timeout(HANG_SECONDS):
        shown = await recording.end(ANSWER, sequence=4)
    assert (shown, store.ended) == (ANSWER, []), "without the id of a message that is not stored"
    assert shown.message_id == ""
    store.well = True
    async with asyncio.timeout(HANG_SECONDS):
        await pending_writes.flush()
    [(record, messages)] = store.ended
    assert (record.last_sequence, [each.id for each in messages]) == (4, ["msg_1"])
    assert record.terminal_event.message_id == "msg_1"
    recording.close()
