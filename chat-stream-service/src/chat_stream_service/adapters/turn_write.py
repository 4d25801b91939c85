"""The beginnings and ends of streams as rows, many of them in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Integer, String, bindparam, case, insert, update

from chat_stream_service.adapters.record import message_row, picture_rows, stream_row, to_micros
from chat_stream_service.adapters.record_json import terminal_event_texts, terminal_event_to_json
from chat_stream_service.adapters.table import conversations, messages, pictures, streams
from chat_stream_service.domain.model.conversation_store import StreamRecord
from chat_stream_service.domain.model.event_log import StreamHeader
from chat_stream_service.domain.model.message import Message
from penstock_kit.database import Database, RowsMissing, WriteStep

# Made once: making a statement anew costs about as much as what it does.
_BEGIN: Final = insert(streams)
_END: Final = (
    update(streams)
    .where(streams.c.id == bindparam("stream", type_=String), streams.c.ending_json == "")
    .values(
        {name: bindparam(f"new_{name}") for name in ("last_sequence", "ending_json", "content", "thinking", "end_time")}
    )
)
_SAY: Final = insert(messages)
_SHOW: Final = insert(pictures)
# A conversation without a title gets the one that is given, if one is.
_TITLE: Final = bindparam("new_title", type_=String)
_COUNT: Final = (
    update(conversations)
    .where(conversations.c.id == bindparam("conversation", type_=String))
    .values(
        message_count=conversations.c.message_count + bindparam("added", type_=Integer),
        update_time=bindparam("new_time"),
        title=case((conversations.c.title == "", _TITLE), else_=conversations.c.title),
    )
)


class StreamHasEnd(Exception):  # noqa: N818 - what it says, not that something went wrong
    """A stream that should end has an end already, or is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnWrite:
    """What one write of a turn changes: a stream that begins or ends, messages with pictures, their conversation."""

    begun: Mapping[str, Any] | None = None
    ended: Mapping[str, Any] | None = None
    said: Sequence[Mapping[str, Any]]
    shown: Sequence[Mapping[str, Any]] = ()
    counted: Mapping[str, Any]


def turn_begun(header: StreamHeader, question: Message, *, title: str) -> TurnWrite:
    """Return what records a stream as running, with its question."""
    counted = _counted(header.conversation_id, [question], title=title)
    return TurnWrite(
        begun=stream_row(header), said=[message_row(question)], shown=picture_rows(question), counted=counted
    )


def turn_ended(record: StreamRecord, added: Sequence[Message]) -> TurnWrite:
    """Return what records the end of a stream, with its messages."""
    content, thinking = terminal_event_texts(record.terminal_event)
    ended = {
        "stream": record.header.stream_id,
        "new_last_sequence": record.last_sequence,
        "new_ending_json": terminal_event_to_json(record.terminal_event),
        "new_content": content,
        "new_thinking": thinking,
        "new_end_time": None if record.end_time is None else to_micros(record.end_time),
    }
    said = [message_row(message) for message in added]
    return TurnWrite(ended=ended, said=said, counted=_counted(record.header.conversation_id, added))


async def write_turns(database: Database, turns: Sequence[TurnWrite]) -> None:
    """Write all of `turns` or nothing.

    Raises IntegrityError when a stream is begun already or a conversation is gone, and StreamHasEnd.
    """
    ended = [turn.ended for turn in turns if turn.ended is not None]
    steps = (
        WriteStep(statement=_BEGIN, rows=[turn.begun for turn in turns if turn.begun is not None]),
        WriteStep(statement=_END, rows=ended, changes=len(ended)),
        WriteStep(statement=_SAY, rows=[row for turn in turns for row in turn.said]),
        WriteStep(statement=_COUNT, rows=[turn.counted for turn in turns if turn.said]),
        WriteStep(statement=_SHOW, rows=[row for turn in turns for row in turn.shown]),
    )
    try:
        await database.execute_all(steps)
    except RowsMissing:
        raise StreamHasEnd from None


def _counted(conversation_id: str, added: Sequence[Message], *, title: str = "") -> Mapping[str, Any]:
    return {
        "conversation": conversation_id,
        "added": len(added),
        "new_time": max((to_micros(message.create_time) for message in added), default=0),
        "new_title": title,
    }
