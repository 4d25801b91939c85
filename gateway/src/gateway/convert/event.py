"""Chat events → the JSON of our event streams."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import orjson
from google.protobuf.timestamp_pb2 import Timestamp
from penstock.chat.v1 import chat_pb2 as pb

from gateway.convert.scalar import (
    JsonObject,
    duration_ms,
    milliseconds,
    money_from_proto,
    time_from_proto,
    usage_from_proto,
)

_STATUS: Final = {
    pb.CompleteState.STATUS_RUNNING: "running",
    pb.CompleteState.STATUS_COMPLETED: "completed",
    pb.CompleteState.STATUS_STOPPED: "stopped",
    pb.CompleteState.STATUS_LENGTH: "length",
    pb.CompleteState.STATUS_BUDGET_EXCEEDED: "budget_exceeded",
}


def event_from_proto(event: pb.ChatEvent) -> JsonObject:
    """Return the JSON of `event`: what every event has, then what its kind has."""
    kind = event.WhichOneof("event") or ""
    json: JsonObject = {
        "type": kind,
        "stream_id": event.stream_id,
        "sequence": event.sequence,
        "create_time": iso_time(event.create_time),
    }
    if event.conversation_id:
        json["conversation_id"] = event.conversation_id
    if kind:
        json.update(_FIELDS[kind](event))
    if event.HasField("debug"):
        json["debug"] = _debug(event.debug)
    return json


def is_terminal(event: pb.ChatEvent) -> bool:
    """Whether no event follows this one."""
    match event.WhichOneof("event"):
        case "error":
            return True
        case "complete_state":
            return event.complete_state.status != pb.CompleteState.STATUS_RUNNING
        case _:
            return False


def stream_from_proto(stream: pb.GetStreamResponse) -> JsonObject:
    """Return what is known of a stream."""
    return {
        "stream_id": stream.stream_id,
        "conversation_id": stream.conversation_id,
        "status": stream.status,
        "first_sequence": stream.first_sequence,
        "last_sequence": stream.last_sequence,
        "create_time": time_from_proto(stream, "create_time"),
    }


def stream_health_from_proto(health: pb.GetStreamHealthResponse) -> JsonObject:
    """Return how the streams are doing."""
    return {
        "status": "ok",
        "active_connections": health.active_connections,
        "active_streams": health.active_streams,
        "total_streams": health.total_streams,
        "total_chunks": health.total_chunks,
        "stale_cleaned": health.stale_cleaned,
        "outcomes": dict(health.outcomes),
        "first_byte_p50_ms": milliseconds(health, "first_byte_p50"),
        "first_byte_p95_ms": milliseconds(health, "first_byte_p95"),
        "rss_mb": round(health.rss_bytes / 1048576, 1),
        "event_log": health.event_log,
    }


def iso_time(stamp: Timestamp) -> str:
    """Return a timestamp as ISO 8601 in UTC with milliseconds and Z."""
    return f"{iso_second(stamp.seconds)}.{stamp.nanos // 1_000_000:03}Z"


@lru_cache(maxsize=16)
def iso_second(seconds: int) -> str:
    """Return the date and time of a second; most events fall into the one that is now."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _content(event: pb.ChatEvent) -> JsonObject:
    delta = event.message_chunk if event.HasField("message_chunk") else event.thinking
    return {"content": delta.content}


def _tool_call(event: pb.ChatEvent) -> JsonObject:
    call = event.tool_call
    return {"tool_call_id": call.tool_call_id, "name": call.name, "arguments": arguments_from_json(call.arguments_json)}


def _tool_result(event: pb.ChatEvent) -> JsonObject:
    result = event.tool_result
    return {
        "tool_call_id": result.tool_call_id,
        "name": result.name,
        "content": result.content,
        "is_error": result.is_error,
    }


def _complete_state(event: pb.ChatEvent) -> JsonObject:
    state = event.complete_state
    json: JsonObject = {
        "status": _STATUS.get(state.status, "completed"),
        "content": state.content,
        "finish_reason": state.finish_reason or None,
        "model": state.model or None,
        "usage": usage_from_proto(state.usage) if state.HasField("usage") else None,
        "cost": money_from_proto(state.cost) if state.HasField("cost") else None,
    }
    if state.message_id:
        json["message_id"] = state.message_id
    if state.thinking:
        json["thinking"] = state.thinking
    if state.notices:
        json["notices"] = list(state.notices)
    return json


def _error(event: pb.ChatEvent) -> JsonObject:
    error = event.error
    json: JsonObject = {
        "code": error.code,
        "reason": error.reason,
        "message": error.message,
        "retryable": error.retryable,
    }
    if error.partial_content:
        json["partial_content"] = error.partial_content
    return json


def arguments_from_json(text: str) -> object:
    """Return the arguments as the object they are; what a model wrote that is none stays visible as text."""
    try:
        value = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        return {"_invalid": text}
    return value if isinstance(value, dict) else {"_invalid": text}  # pyright: ignore[reportUnknownVariableType]


def _debug(debug: pb.DebugInfo) -> JsonObject:
    return {
        "elapsed_ms": duration_ms(debug.elapsed),
        "hops_ms": {name: duration_ms(duration) for name, duration in debug.hops.items()},
        "provider": debug.provider or None,
        "cache": debug.cache or None,
        "engine": debug.engine or None,
    }


_FIELDS: Final[dict[str, Callable[[pb.ChatEvent], JsonObject]]] = {
    "message_chunk": _content,
    "thinking": _content,
    "tool_call": _tool_call,
    "tool_result": _tool_result,
    "complete_state": _complete_state,
    "error": _error,
}
