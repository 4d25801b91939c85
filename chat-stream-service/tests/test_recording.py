"""How a turn gets into a store that is slow, beside the stream and never in its way."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

from chat_stream_service.domain.model.conversation_store import StreamRecord
from chat_stream_service.domain.model.event import CompleteState, Status
from chat_stream_service.domain.model.event_log import StreamHeader
from chat_stream_service.domain.model.message import Message, Role
from chat_stream_service.domain.stream.pending_writes import PendingWrites
from chat_stream_service.domain.stream.recording import Recording, RecordingLimits
from chat_stream_service.domain.stream.transcript import Transcript
from penstock_testkit.clock import ManualClock
from penstock_testkit.waiting import HANG_SECONDS, until

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


def recording_in(store: SlowStore, limits: RecordingLimits) -> Recording:
    clock, anything = ManualClock(), cast("Any", store)
    return Recording(
        header=HEADER,
        question=QUESTION,
        title="",
        transcript=Transcript(HEADER, clock=clock, new_id=lambda prefix: f"{prefix}_1"),
        store=anything,
        pending_writes=PendingWrites(),
        limits=limits,
        clock=clock,
    )


async def some_turns() -> None:
    """Let whatever could go on go on."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_the_first_event_gets_out_before_the_question_is_stored() -> None:
    store = SlowStore()
    recording = recording_in(store, RecordingLimits(question=HANG_SECONDS, head_start=HANG_SECONDS))
    recording.begin()
    await some_turns()
    recording.on_first_event()
    await some_turns()
    assert store.begun == []
    recording.close()
    soon = recording_in(store, RecordingLimits(question=HANG_SECONDS, head_start=0.001))
    soon.begin()
    await some_turns()
    assert store.begun == [], "it waits for the first event"
    for _ in range(2):
        soon.on_first_event()
    await until(lambda: store.begun == ["msg_0"])
    soon.close()


async def test_a_question_whose_first_event_does_not_come_is_stored_all_the_same() -> None:
    store = SlowStore()
    recording = recording_in(store, RecordingLimits(question=0.01, head_start=HANG_SECONDS))
    recording.begin()
    await until(lambda: store.begun == ["msg_0"])
    recording.close()


async def test_an_answer_that_ends_before_its_first_event_is_stored_behind_its_question() -> None:
    store = SlowStore()
    store.well = True
    recording = recording_in(
        store, RecordingLimits(question=HANG_SECONDS, head_start=0.001, terminal_event=HANG_SECONDS)
    )
    recording.begin()
    shown = await recording.end(ANSWER, sequence=1)
    assert (store.begun, len(store.ended), shown.message_id) == (["msg_0"], 1, "msg_1")
    recording.close()


async def test_a_recording_that_was_given_up_stores_no_question() -> None:
    store = SlowStore()
    recording = recording_in(store, RecordingLimits(question=0.01, head_start=0))
    recording.begin()
    recording.close()
    await asyncio.sleep(0.03)
    assert store.begun == []
