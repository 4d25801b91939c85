"""Events, snapshots and headers as replicas write them to Redis are read back as they were, of every kind."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import orjson
import pytest

from chat_stream_service.adapters.redis.codec import (
    events_from_bytes,
    events_to_bytes,
    fold_from_bytes,
    fold_to_bytes,
    header_from_bytes,
    header_to_bytes,
)
from chat_stream_service.domain.model.event import (
    ChatEvent,
    CompleteState,
    DebugInfo,
    ErrorEvent,
    EventBody,
    MessageChunk,
    Status,
    Thinking,
    ToolCall,
    ToolResult,
)
from chat_stream_service.domain.model.event_log import StreamHeader
from chat_stream_service.domain.model.usage import NO_COST, UNKNOWN_COST, Cost, Usage

NOW = datetime(2026, 3, 1, 12, 30, 59, 999_999, tzinfo=UTC)
HEADER = StreamHeader(
    stream_id="strm_1", conversation_id="conv_1", tenant_id="acme", user_id="ann", create_time=NOW, request_id="r"
)
DEBUG = DebugInfo(elapsed=0.125, hops={"llm": 0.5, "load_history": 0.25}, provider="p", cache="hit", engine="own")
END = CompleteState(
    status=Status.STOPPED,
    content="It is 5 °C.\n好",
    thinking="Hm.",
    finish_reason="stopped",
    model="p/m",
    usage=Usage(input_tokens=1, output_tokens=2, estimated=True),
    cost=Cost(amount=Decimal("0.000000000001"), currency="EUR", source="operator"),
    message_id="msg_1",
    notices=("one", "two"),
)
BODIES: list[EventBody] = [
    MessageChunk(content='quote " and \\ and 好'),
    Thinking(content="Hm."),
    ToolCall(tool_call_id="c1", name="t", arguments_json='{"a": [1]}'),
    ToolResult(tool_call_id="c1", name="t", content="two", is_error=True),
    ToolResult(tool_call_id="c2", name="u", content=""),
    END,
    replace(END, status=Status.COMPLETED, cost=UNKNOWN_COST, notices=()),
    replace(END, status=Status.RUNNING, cost=NO_COST, usage=Usage()),
    ErrorEvent(code=502, reason="PROVIDER_INTERRUPTED", message="it hung up", retryable=True, partial_content="half"),
]


def events(bodies: list[EventBody], *, first: int = 7) -> list[ChatEvent]:
    """Events of which two at a time came at the same moment, some with what is told to who looks for a fault."""
    return [
        ChatEvent(
            stream_id="strm_1",
            conversation_id="conv_1",
            sequence=first + place,
            create_time=NOW + timedelta(microseconds=place // 2),
            body=body,
            debug=DEBUG if place % 3 else None,
        )
        for place, body in enumerate(bodies)
    ]


def test_events_of_every_kind_are_read_back_as_they_were() -> None:
    written = events(BODIES)
    assert events_from_bytes(events_to_bytes(written), HEADER) == written


@pytest.mark.parametrize("body", BODIES, ids=lambda body: type(body).__name__)
def test_an_event_alone_is_read_back_with_its_sequence_time_and_stream(body: EventBody) -> None:
    (read,) = events_from_bytes(events_to_bytes(events([body], first=1)), HEADER)
    assert (read.sequence, read.create_time, read.stream_id, read.conversation_id, read.debug, read.body) == (
        1,
        NOW,
        "strm_1",
        "conv_1",
        None,
        body,
    )


def test_an_end_without_notices_that_an_earlier_release_wrote_is_read() -> None:
    sequence, groups = orjson.loads(events_to_bytes(events([END])))
    del groups[0][2][0][1]["notices"]
    (read,) = events_from_bytes(orjson.dumps([sequence, groups]), HEADER)
    assert read.body == replace(END, notices=())


def test_an_event_of_a_kind_that_another_release_writes_is_named() -> None:
    sequence, groups = orjson.loads(events_to_bytes(events([BODIES[0]])))
    groups[0][2][0][0] = "z"
    with pytest.raises(ValueError, match=r"kind .*'z'.* is not known; another version wrote it"):
        events_from_bytes(orjson.dumps([sequence, groups]), HEADER)


def test_a_snapshot_and_a_header_are_read_back_and_no_snapshot_is_the_fold_of_nothing() -> None:
    fold = CompleteState(status=Status.RUNNING, content="a", thinking="b", model="c")
    assert fold_from_bytes(fold_to_bytes(fold)) == fold
    assert fold_from_bytes(b"") == CompleteState(status=Status.RUNNING, content="")
    assert header_from_bytes(header_to_bytes(HEADER)) == HEADER
