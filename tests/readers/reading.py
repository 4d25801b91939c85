"""What every reader is asked: to leave in the middle of an answer, come back, and have all of it."""

from collections.abc import Sequence
from typing import Any, Final

PIECES: Final = tuple(f"piece{number} " for number in range(60))
ANSWER: Final = "".join(PIECES)
# A reader leaves after so many events.
LEAVES_AFTER: Final = 7

Event = dict[str, Any]


def assert_whole(before: Sequence[Event], after: Sequence[Event]) -> None:
    """Check that two parts of a stream are all of it: gapless, one end, and the producer's text."""
    events = [*before, *after]
    assert len(before) >= LEAVES_AFTER, "it left too early"
    assert after[0]["type"] == "message_chunk", "it came back too late: the answer had ended"
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert len({event["stream_id"] for event in events}) == 1
    assert "".join(event["content"] for event in events if event["type"] == "message_chunk") == ANSWER
    assert [event["type"] for event in events if event["type"] in {"complete_state", "error"}] == ["complete_state"]
    assert (events[-1]["status"], events[-1]["content"]) == ("completed", ANSWER)
