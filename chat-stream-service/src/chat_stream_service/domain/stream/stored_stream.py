"""Streams that the log has forgotten, answered from their record."""

from collections.abc import Sequence
from datetime import datetime

from chat_stream_service.domain.model.conversation_store import StreamRecord
from chat_stream_service.domain.model.event import ChatEvent, ErrorEvent, Status, outcome_of
from chat_stream_service.domain.model.event_log import StreamState

_LOST = ErrorEvent(
    code=503,
    reason="STREAM_INTERRUPTED",
    message="the service that made this answer ended before it was done; ask again",
    retryable=True,
)


def stored_stream_events(record: StreamRecord, *, after: int, now: datetime) -> Sequence[ChatEvent]:
    """Return what a reader after a sequence still has to be told: the terminal event, or nothing.

    The terminal event of an answer holds its whole text, so that it stands for all the events before it. A stream
    that has no end, because its service died, ends with an error here.
    """
    if record.terminal_event is not None and after >= record.last_sequence:
        return ()
    event = ChatEvent(
        stream_id=record.header.stream_id,
        conversation_id=record.header.conversation_id,
        sequence=record.last_sequence if record.terminal_event is not None else after + 1,
        create_time=record.end_time or now,
        body=record.terminal_event or _LOST,
    )
    return (event,)


def stored_stream_state(record: StreamRecord) -> StreamState:
    """Return the state of a forgotten stream; only its terminal event is left to read."""
    status = Status.ERROR if record.terminal_event is None else outcome_of(record.terminal_event)
    return StreamState(
        header=record.header, status=status, first_sequence=record.last_sequence, last_sequence=record.last_sequence
    )
