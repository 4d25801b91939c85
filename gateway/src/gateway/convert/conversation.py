"""Conversations, messages, engines, personalities, templates and clients → JSON."""

from penstock.chat.v1 import chat_pb2 as pb
from penstock.common.v1.common_pb2 import ToolCall

from gateway.convert.event import arguments_from_json
from gateway.convert.scalar import JsonObject, time_from_proto, usage_from_proto


def conversation_from_proto(conversation: pb.Conversation) -> JsonObject:
    """Return a conversation."""
    return {
        "id": conversation.id,
        "title": conversation.title,
        "create_time": time_from_proto(conversation, "create_time"),
        "update_time": time_from_proto(conversation, "update_time"),
        "message_count": conversation.message_count,
        "model": conversation.model or None,
        "personality_id": conversation.personality_id or None,
        "active_stream_id": conversation.active_stream_id or None,
        "labels": dict(conversation.labels),
    }


def message_from_proto(message: pb.Message) -> JsonObject:
    """Return a stored message."""
    json: JsonObject = {
        "id": message.id,
        "conversation_id": message.conversation_id,
        "role": message.role,
        "content": message.content,
        "create_time": time_from_proto(message, "create_time"),
        "status": message.status or None,
        "stream_id": message.stream_id or None,
        "model": message.model or None,
    }
    if message.tool_calls:
        json["tool_calls"] = [_tool_call(call) for call in message.tool_calls]
    if message.tool_call_id:
        json["tool_call_id"] = message.tool_call_id
        json["is_error"] = message.is_error
    if message.thinking:
        json["thinking"] = message.thinking
    if message.HasField("usage"):
        json["usage"] = usage_from_proto(message.usage)
    if message.pictures:
        json["pictures"] = [_picture(message.conversation_id, picture) for picture in message.pictures]
    return json


def _picture(conversation_id: str, picture: pb.Picture) -> JsonObject:
    return {
        "id": picture.id,
        "media_type": picture.media_type,
        "size_bytes": picture.size_bytes,
        "url": f"/api/v1/conversations/{conversation_id}/pictures/{picture.id}",
    }


def engine_from_proto(engine: pb.Engine) -> JsonObject:
    """Return an engine."""
    return {
        "name": engine.name,
        "version": engine.version,
        "description": engine.description,
        "current": engine.current,
        "healthy": engine.healthy,
        "detail": engine.detail or None,
        "features": list(engine.features),
    }


def _tool_call(call: ToolCall) -> JsonObject:
    return {"tool_call_id": call.id, "name": call.name, "arguments": arguments_from_json(call.arguments_json)}


def personality_from_proto(personality: pb.Personality) -> JsonObject:
    """Return a personality."""
    return {
        "id": personality.id,
        "name": personality.name,
        "description": personality.description,
        "prompt": personality.prompt,
        "temperature": personality.temperature if personality.HasField("temperature") else None,
        "tools": list(personality.tools),
        "create_time": time_from_proto(personality, "create_time"),
        "update_time": time_from_proto(personality, "update_time"),
    }


def template_from_proto(template: pb.Template) -> JsonObject:
    """Return a prompt template."""
    return {
        "id": template.id,
        "name": template.name,
        "content": template.content,
        "description": template.description,
        "create_time": time_from_proto(template, "create_time"),
        "update_time": time_from_proto(template, "update_time"),
    }


def client_from_proto(client: pb.Client) -> JsonObject:
    """Return a client with its presence; `replica` is the chat-stream replica that holds its connection."""
    return {
        "id": client.id,
        "name": client.name,
        "kind": client.kind or None,
        "connected": client.connected,
        "replica": client.replica or None,
        "last_seen_time": time_from_proto(client, "last_seen_time"),
        "create_time": time_from_proto(client, "create_time"),
    }
