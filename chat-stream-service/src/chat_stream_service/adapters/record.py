"""Rows of the chat database as values of the domain, and back."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row

from chat_stream_service.adapters.record_json import (
    pictures_from_json,
    pictures_to_json,
    terminal_event_from_json,
    tool_calls_from_json,
    tool_calls_to_json,
    usage_from_json,
    usage_to_json,
)
from chat_stream_service.domain.model.conversation import Conversation, Owner
from chat_stream_service.domain.model.conversation_store import StreamRecord
from chat_stream_service.domain.model.event_log import StreamHeader
from chat_stream_service.domain.model.message import Message, Role
from chat_stream_service.domain.model.picture import Picture

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

AnyRow = Row[Any]


def to_micros(time: datetime) -> int:
    """Return microseconds since the Unix epoch."""
    return (time - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the UTC time of microseconds since the Unix epoch."""
    return _EPOCH + timedelta(microseconds=micros)


def conversation_row(conversation: Conversation) -> Mapping[str, Any]:
    """Return the columns of a conversation."""
    return {
        "id": conversation.id,
        "tenant_id": conversation.owner.tenant_id,
        "user_id": conversation.owner.user_id,
        "title": conversation.title,
        "model": conversation.model,
        "personality_id": conversation.personality_id,
        "labels_json": json.dumps(dict(conversation.labels), ensure_ascii=False) if conversation.labels else "",
        "message_count": conversation.message_count,
        "create_time": to_micros(conversation.create_time),
        "update_time": to_micros(conversation.update_time),
    }


def conversation_of(row: AnyRow) -> Conversation:
    """Return the conversation in a row."""
    return Conversation(
        id=row.id,
        owner=Owner(tenant_id=row.tenant_id, user_id=row.user_id),
        title=row.title,
        model=row.model,
        personality_id=row.personality_id,
        labels=json.loads(row.labels_json) if row.labels_json else {},
        message_count=row.message_count,
        create_time=from_micros(row.create_time),
        update_time=from_micros(row.update_time),
    )


def message_row(message: Message) -> Mapping[str, Any]:
    """Return the columns of a message."""
    return {
        "id": message.id,
        "conversation_id": message.conversation_id,
        "role": message.role.value,
        "content": message.content,
        "stream_id": message.stream_id,
        "model": message.model,
        "tool_calls_json": tool_calls_to_json(message.tool_calls),
        "tool_call_id": message.tool_call_id,
        "name": message.name,
        "is_error": message.is_error,
        "thinking": message.thinking,
        "usage_json": usage_to_json(message.usage),
        "status": message.status,
        "create_time": to_micros(message.create_time),
        "pictures_json": pictures_to_json(message.pictures),
    }


def picture_rows(message: Message) -> list[Mapping[str, Any]]:
    """Return the columns of each picture of a message, with its data."""
    return [
        {
            "id": picture.id,
            "conversation_id": message.conversation_id,
            "media_type": picture.media_type,
            "data": picture.data,
        }
        for picture in message.pictures
    ]


def picture_of(row: AnyRow) -> Picture:
    """Return the picture in a row, with its data."""
    return Picture(id=row.id, media_type=row.media_type, size_bytes=len(row.data), data=row.data)


def message_of(row: AnyRow) -> Message:
    """Return the message in a row."""
    return Message(
        id=row.id,
        conversation_id=row.conversation_id,
        role=Role(row.role),
        content=row.content,
        stream_id=row.stream_id,
        model=row.model,
        tool_calls=tool_calls_from_json(row.tool_calls_json),
        tool_call_id=row.tool_call_id,
        name=row.name,
        is_error=row.is_error,
        thinking=row.thinking,
        usage=usage_from_json(row.usage_json),
        status=row.status,
        create_time=from_micros(row.create_time),
        pictures=pictures_from_json(row.pictures_json),
    )


def stream_row(header: StreamHeader) -> Mapping[str, Any]:
    """Return the columns of a stream that begins."""
    return {
        "id": header.stream_id,
        "conversation_id": header.conversation_id,
        "tenant_id": header.tenant_id,
        "user_id": header.user_id,
        "request_id": header.request_id or None,
        "last_sequence": 0,
        "ending_json": "",
        "content": "",
        "thinking": "",
        "create_time": to_micros(header.create_time),
        "end_time": None,
    }


def stream_of(row: AnyRow) -> StreamRecord:
    """Return the record of a stream in a row."""
    header = StreamHeader(
        stream_id=row.id,
        conversation_id=row.conversation_id,
        tenant_id=row.tenant_id,
        user_id=row.user_id,
        create_time=from_micros(row.create_time),
        request_id=row.request_id or "",
    )
    return StreamRecord(
        header=header,
        last_sequence=row.last_sequence,
        terminal_event=terminal_event_from_json(row.ending_json, content=row.content, thinking=row.thinking),
        end_time=None if row.end_time is None else from_micros(row.end_time),
    )
