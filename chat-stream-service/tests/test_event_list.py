"""The list of a stream's events gives back what it was given, however much of it is packed."""

import gc
import tracemalloc
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from chat_stream_service.adapters.event_list import EventList
from chat_stream_service.domain.model.event import (
    ChatEvent,
    CompleteState,
    DebugInfo,
    EventBody,
    MessageChunk,
    Status,
    Thinking,
    ToolCall,
)

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
# Bytes of an event in a packed stream, its text of six characters and its share of what is not packed yet included; an
# event that is an object of its own takes some 300.
MOST_BYTES = 60

call = ToolCall(tool_call_id="call_1", name="look", arguments_json="{}")
pieces = st.builds(MessageChunk, content=st.text(max_size=3))
bodies: st.SearchStrategy[list[EventBody]] = st.lists(
    st.lists(pieces | st.builds(Thinking, content=st.text(max_size=3)) | st.just(call), max_size=4)
    | st.lists(pieces, min_size=30, max_size=70)
    | st.lists(st.builds(Thinking, content=st.text(max_size=3)), min_size=30, max_size=70),
    max_size=4,
).map(lambda runs: [body for run in runs for body in run])
# Seconds between events: a clock may be set back, and a tool may take its time.
seconds = st.sampled_from([0, 0, 0, 0.000001, 0.05, 0.05, 0.05, 5000, -1])


def made(bodies: Sequence[EventBody], data: st.DataObject | None = None) -> list[ChatEvent]:
    events: list[ChatEvent] = []
    time = BEGAN
    for sequence, body in enumerate(bodies, 1):
        odd = data is not None and data.draw(st.integers(0, 60)) == 0
        debug = DebugInfo(elapsed=1.0) if odd else None
        time += timedelta(seconds=data.draw(seconds)) if odd and data is not None else timedelta(milliseconds=50)
        events.append(
            ChatEvent(
                stream_id="strm_1",
                conversation_id="conv_1",
                sequence=sequence,
                create_time=time,
                body=body,
                debug=debug,
            )
        )
    return events


@given(bodies=bodies, data=st.data())
def test_every_part_of_a_list_is_as_it_was_added_also_after_its_beginning_was_cut(
    bodies: list[EventBody], data: st.DataObject
) -> None:
    kept: list[ChatEvent] = []
    listed = EventList()
    for event in made(bodies, data):
        kept.append(event)
        listed.append(event)
        if data.draw(st.integers(0, 30)) == 0:
            count = data.draw(st.integers(0, len(kept)))
            listed.cut(count)
            del kept[:count]
    if data.draw(st.booleans()):
        listed.end()
    for _ in range(4):
        start = data.draw(st.integers(0, len(kept)))
        stop = data.draw(st.integers(start, len(kept) + 3))
        assert listed.part(start, stop) == kept[start:stop]
        count = data.draw(st.integers(0, len(kept)))
        assert listed.last(count) == kept[len(kept) - count :]
    count = data.draw(st.integers(0, len(kept)))
    listed.cut(count)
    assert listed.part(0, len(listed)) == kept[count:]
    assert len(listed) == len(kept) - count


def test_what_was_packed_takes_a_fifth_of_the_memory() -> None:
    gc.collect()
    tracemalloc.start()
    try:
        listed = EventList()
        before = tracemalloc.get_traced_memory()[0]
        end = CompleteState(status=Status.COMPLETED, content="")
        for event in made([*(MessageChunk(content=f"w{number:05}") for number in range(10_000)), end]):
            listed.append(event)
        del event
        listed.end()
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert taken / 10_000 < MOST_BYTES
