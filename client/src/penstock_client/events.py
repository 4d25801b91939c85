"""The six kinds of events of an answer, typed. Source: docs/events.md of the project."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEvent:
    """What all events have: `sequence` is 1, 2, 3 … within `stream_id`; `raw` is the event as it came."""

    type: str
    stream_id: str
    sequence: int
    create_time: str
    conversation_id: str
    raw: Mapping[str, Any] = field(repr=False, hash=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageChunk(StreamEvent):
    """A piece of the answer's text."""

    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinking(StreamEvent):
    """A piece of the model's reasoning."""

    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall(StreamEvent):
    """The model asks a tool."""

    tool_call_id: str
    name: str
    arguments: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult(StreamEvent):
    """What the tool answered."""

    tool_call_id: str
    name: str
    content: Any = field(hash=False)
    is_error: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteState(StreamEvent):
    """The whole text so far; the last event of an answer unless `status` is ``running`` (a snapshot)."""

    status: str
    content: str
    finish_reason: str
    model: str
    usage: Mapping[str, Any] = field(hash=False)
    cost: Any
    notices: tuple[str, ...] = ()

    @property
    def is_final(self) -> bool:
        """Whether nothing comes after it."""
        return self.status != "running"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorEvent(StreamEvent):
    """The last event of an answer that failed."""

    code: Any
    reason: str
    message: str
    retryable: bool
    partial_content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownEvent(StreamEvent):
    """A kind that this version does not know; see `raw`."""


Event: TypeAlias = MessageChunk | Thinking | ToolCall | ToolResult | CompleteState | ErrorEvent | UnknownEvent


def parse_event(raw: Mapping[str, Any]) -> Event:
    """Return the typed event of one ``data:`` object; fields that are left out take their empty value."""
    make = _KINDS.get(str(raw.get("type")), _unknown)
    return make(raw, _common(raw))


def is_terminal(event: Event) -> bool:
    """Whether `event` is the last of its stream."""
    return isinstance(event, ErrorEvent) or (isinstance(event, CompleteState) and event.is_final)


def _common(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": str(raw.get("type", "")),
        "stream_id": str(raw.get("stream_id", "")),
        "sequence": int(raw.get("sequence") or 0),
        "create_time": str(raw.get("create_time", "")),
        "conversation_id": str(raw.get("conversation_id", "")),
        "raw": raw,
    }


def _chunk(raw: Mapping[str, Any], common: dict[str, Any]) -> Event:
    return MessageChunk(**common, content=str(raw.get("content", "")))


def _thinking(raw: Mapping[str, Any], common: dict[str, Any]) -> Event:
    return Thinking(**common, content=str(raw.get("content", "")))


def _tool_call(raw: Mapping[str, Any], common: dict[str, Any]) -> Event:
    return ToolCall(
        **common,
        tool_call_id=str(raw.get("tool_call_id", "")),
        name=str(raw.get("name", "")),
        arguments=raw.get("arguments") or {},
    )


def _tool_result(raw: Mapping[str, Any], common: dict[str, Any]) -> Event:
    return ToolResult(
        **common,
        tool_call_id=str(raw.get("tool_call_id", "")),
        name=str(raw.get("name", "")),
        content=raw.get("content"),
        is_error=bool(raw.get("is_error")),
    )


def _state(raw: Mapping[str, Any], common: dict[str, Any]) -> Event:
    return CompleteState(
        **common,
        status=str(raw.get("status", "")),
        content=str(raw.get("content", "")),
        finish_reason=str(raw.get("finish_reason") or ""),
        model=str(raw.get("model") or ""),
        usage=raw.get("usage") or {},
        cost=raw.get("cost"),
        notices=tuple(str(notice) for notice in raw.get("notices") or ()),
    )


def _error(raw: Mapping[str, Any], common: dict[str, Any]) -> Event:
    return ErrorEvent(
        **common,
        code=raw.get("code", ""),
        reason=str(raw.get("reason") or ""),
        message=str(raw.get("message") or ""),
        retryable=bool(raw.get("retryable")),
        partial_content=str(raw.get("partial_content") or ""),
    )


def _unknown(raw: Mapping[str, Any], common: dict[str, Any]) -> Event:
    del raw
    return UnknownEvent(**common)


_KINDS: Final = {
    "message_chunk": _chunk,
    "thinking": _thinking,
    "tool_call": _tool_call,
    "tool_result": _tool_result,
    "complete_state": _state,
    "error": _error,
}
