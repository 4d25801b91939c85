"""Conversations, messages, engines, personalities and templates as the contract writes them."""

from datetime import datetime

from penstock.chat.v1 import chat_pb2
from penstock.common.v1 import common_pb2

from chat_stream_service.domain.conversations.personality import Personality, Template
from chat_stream_service.domain.conversations.service import NewConversation
from chat_stream_service.domain.model.conversation import Conversation, ConversationChanges
from chat_stream_service.domain.model.engine import EngineHealth, EngineInfo
from chat_stream_service.domain.model.event import ToolCall
from chat_stream_service.domain.model.message import Message
from chat_stream_service.domain.model.picture import Picture
from chat_stream_service.edge.convert import timestamp_to_proto, usage_to_proto
from penstock_kit.errors import FieldViolation, InvalidArgument


def new_conversation_from_proto(request: chat_pb2.CreateConversationRequest) -> NewConversation:
    """Return what a conversation is created with."""
    return NewConversation(
        title=request.title,
        model=request.model,
        personality_id=request.personality_id,
        labels=dict(request.labels),
    )


def changes_from_proto(request: chat_pb2.UpdateConversationRequest) -> ConversationChanges:
    """Return what an update sets."""
    return ConversationChanges(
        title=request.title if request.HasField("title") else None,
        model=request.model if request.HasField("model") else None,
        personality_id=request.personality_id if request.HasField("personality_id") else None,
    )


def conversation_to_proto(conversation: Conversation) -> chat_pb2.Conversation:
    """Return a conversation."""
    return chat_pb2.Conversation(
        id=conversation.id,
        title=conversation.title,
        create_time=timestamp_to_proto(conversation.create_time),
        update_time=timestamp_to_proto(conversation.update_time),
        message_count=conversation.message_count,
        model=conversation.model,
        personality_id=conversation.personality_id,
        active_stream_id=conversation.active_stream_id,
        labels=conversation.labels,
    )


def message_to_proto(message: Message) -> chat_pb2.Message:
    """Return a stored message."""
    return chat_pb2.Message(
        id=message.id,
        conversation_id=message.conversation_id,
        role=message.role.value,
        content=message.content,
        create_time=timestamp_to_proto(message.create_time),
        stream_id=message.stream_id,
        model=message.model,
        tool_calls=[_call_to_proto(call) for call in message.tool_calls],
        tool_call_id=message.tool_call_id,
        thinking=message.thinking,
        usage=usage_to_proto(message.usage),
        status=message.status,
        is_error=message.is_error,
        pictures=[picture_to_proto(picture) for picture in message.pictures],
    )


def picture_to_proto(picture: Picture) -> chat_pb2.Picture:
    """Return a picture, with its data when that was read."""
    return chat_pb2.Picture(
        id=picture.id, media_type=picture.media_type, data=picture.data, size_bytes=picture.size_bytes
    )


def engine_to_proto(info: EngineInfo, health: EngineHealth, *, current: bool) -> chat_pb2.Engine:
    """Return an engine with its health."""
    return chat_pb2.Engine(
        name=info.name,
        version=info.version,
        description=info.description,
        current=current,
        healthy=health.healthy,
        detail=health.detail,
        features=info.features,
    )


def personality_from_proto(
    item: chat_pb2.Personality, *, item_id: str, created: datetime, now: datetime
) -> Personality:
    """Return a personality; ids and times are the service's, not the caller's."""
    return Personality(
        id=item_id,
        name=item.name,
        description=item.description,
        prompt=item.prompt,
        temperature=item.temperature if item.HasField("temperature") else None,
        tools=tuple(item.tools),
        create_time=created,
        update_time=now,
    )


def personality_to_proto(item: Personality) -> chat_pb2.Personality:
    """Return a personality."""
    return chat_pb2.Personality(
        id=item.id,
        name=item.name,
        description=item.description,
        prompt=item.prompt,
        temperature=item.temperature,
        tools=item.tools,
        create_time=timestamp_to_proto(item.create_time),
        update_time=timestamp_to_proto(item.update_time),
    )


def template_from_proto(item: chat_pb2.Template, *, item_id: str, created: datetime, now: datetime) -> Template:
    """Return a template; ids and times are the service's, not the caller's."""
    return Template(
        id=item_id,
        name=item.name,
        description=item.description,
        content=item.content,
        create_time=created,
        update_time=now,
    )


def template_to_proto(item: Template) -> chat_pb2.Template:
    """Return a template."""
    return chat_pb2.Template(
        id=item.id,
        name=item.name,
        content=item.content,
        description=item.description,
        create_time=timestamp_to_proto(item.create_time),
        update_time=timestamp_to_proto(item.update_time),
    )


def page_size(asked: int, *, default: int, most: int) -> int:
    """Return how many items a page has; InvalidArgument when more are asked for than there may be."""
    if 0 <= asked <= most:
        return asked or default
    description = f"is {asked}; it lies between 1 and {most}"
    raise InvalidArgument(
        f"page_size {description}",
        reason="PAGE_SIZE_INVALID",
        violations=[FieldViolation(field="page_size", description=description)],
    )


def _call_to_proto(call: ToolCall) -> common_pb2.ToolCall:
    return common_pb2.ToolCall(id=call.tool_call_id, name=call.name, arguments_json=call.arguments_json)
