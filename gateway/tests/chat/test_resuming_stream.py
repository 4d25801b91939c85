"""A stream over connections that break again and again: what comes in between counts, however it is handed on."""

import time
from collections.abc import Sequence
from typing import Any, Self

import pytest
from penstock.chat.v1 import chat_pb2 as pb

from gateway.chat.resuming_stream import ResumingStream
from penstock_kit.errors import PenstockError, Unavailable
from penstock_testkit.waiting import until

WINDOW = 0.2
BREAKS = 8


def event(sequence: int) -> pb.ChatEvent:
    if sequence > BREAKS:
        end = pb.CompleteState(status=pb.CompleteState.Status.STATUS_COMPLETED)
        return pb.ChatEvent(stream_id="strm_1", sequence=sequence, complete_state=end)
    return pb.ChatEvent(stream_id="strm_1", sequence=sequence, message_chunk=pb.MessageChunk(content="x"))


class BrokenCalls:
    """The calls of one stream: each brings the next event, and breaks well within the window; the last brings the end.

    With `progress` false every call but the first breaks before it has brought anything.
    """

    def __init__(self, *, progress: bool = True) -> None:
        self.begun: list[int] = []
        self._progress = progress

    def ReadStream(self, request: pb.ReadStreamRequest) -> "BrokenCall":  # noqa: N802 - gRPC's name
        return self.call(request.after_sequence)

    def call(self, after: int = 0) -> "BrokenCall":
        self.begun.append(after)
        return BrokenCall(after + 1, brings=self._progress or after == 0)


class BrokenCall:
    """One call."""

    def __init__(self, sequence: int, *, brings: bool) -> None:
        self._response = pb.ReadStreamResponse(events=[event(sequence)])
        self._brings = brings
        self._take: Any = None
        self._is_read = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        pass

    def offer_to(self, take: Any) -> None:
        self._take = take

    async def read(self) -> Any:
        if self._brings and not self._is_read:
            self._is_read = True
            if self._take is None or not self._take(self._response):
                return self._response
        begun = time.monotonic()
        await until(lambda: time.monotonic() - begun > WINDOW / 2)
        raise Unavailable("the replica is gone")


@pytest.mark.parametrize("at_once", [True, False], ids=["taken", "yielded"])
async def test_events_between_breaks_open_the_window_anew_whether_they_are_taken_or_yielded(at_once: bool) -> None:
    calls, seen = BrokenCalls(), list[int]()
    streams: Any = calls

    def take(events: Sequence[pb.ChatEvent]) -> bool:
        seen.extend(each.sequence for each in events)
        return True

    stream = ResumingStream(calls.call, streams=streams, window=WINDOW, debug=False)
    stream.take = take if at_once else None
    async for batch in stream.batches():
        seen.extend(each.sequence for each in batch)
    assert seen == list(range(1, BREAKS + 2))
    assert calls.begun == list(range(BREAKS + 1))


async def test_a_stream_that_brings_nothing_more_is_given_up_at_the_end_of_the_window() -> None:
    calls = BrokenCalls(progress=False)
    streams: Any = calls
    stream = ResumingStream(calls.call, streams=streams, window=WINDOW, debug=False)
    with pytest.raises(PenstockError, match="the replica is gone"):
        async for _ in stream.batches():
            pass
    assert set(calls.begun) == {0, 1}
