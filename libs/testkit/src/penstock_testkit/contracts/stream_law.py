"""The laws of a streamed answer, checked on what a reader saw.

Events are those of ``penstock.chat.v1``, as any reader of the gRPC service gets them.
"""

from collections.abc import Sequence
from typing import Final

from penstock.chat.v1.chat_pb2 import ChatEvent, CompleteState

RUNNING: Final = CompleteState.STATUS_RUNNING


def is_terminal(event: ChatEvent) -> bool:
    """Return whether `event` ends its stream."""
    kind = event.WhichOneof("event")
    return kind == "error" or (kind == "complete_state" and event.complete_state.status != RUNNING)


def assembled(events: Sequence[ChatEvent]) -> tuple[str, str]:
    """Return (text, thinking) that a reader has put together: deltas added, a snapshot instead of all before it."""
    text, thinking = "", ""
    for event in events:
        match event.WhichOneof("event"):
            case "message_chunk":
                text += event.message_chunk.content
            case "thinking":
                thinking += event.thinking.content
            case "complete_state" if event.complete_state.status == RUNNING:
                text, thinking = event.complete_state.content, event.complete_state.thinking
            case _:
                pass
    return text, thinking


def assert_gapless(events: Sequence[ChatEvent], *, after: int = 0) -> None:
    """Assert that sequences go on from `after` without a gap; a leading snapshot may jump ahead."""
    sequences = [event.sequence for event in events]
    first = after + 1
    if events and events[0].complete_state.status == RUNNING and sequences[0] > after:
        first = sequences[0]
    assert sequences == list(range(first, first + len(sequences)))


def assert_whole(events: Sequence[ChatEvent]) -> None:
    """Assert every law on a stream read from its first event to its last."""
    assert_gapless(events)
    assert [is_terminal(event) for event in events] == [False] * (len(events) - 1) + [True]
    assert len({event.stream_id for event in events}) == 1
    text, thinking = assembled(events)
    last = events[-1]
    if last.WhichOneof("event") == "error":
        assert last.error.partial_content == text
    else:
        assert (last.complete_state.content, last.complete_state.thinking) == (text, thinking)
