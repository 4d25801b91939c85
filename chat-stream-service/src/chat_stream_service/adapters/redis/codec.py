"""Events of a stream as bytes, and back."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

import orjson

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
from chat_stream_service.domain.model.usage import Cost, Usage

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def events_to_bytes(events: Sequence[ChatEvent]) -> bytes:
    """Return consecutive events of one stream as JSON: ``[first sequence, [[micros, debug, [body, …]], …]]``."""
    groups = [
        [_micros(time), debug and asdict(debug), [_packed(event.body) for event in group]]
        for (time, debug), group in groupby(events, key=lambda event: (event.create_time, event.debug))
    ]
    return orjson.dumps([events[0].sequence, groups], default=_plain)


def events_from_bytes(data: bytes, header: StreamHeader) -> list[ChatEvent]:
    """Return the events that :func:`events_to_bytes` wrote."""
    sequence, groups = orjson.loads(data)
    return [
        ChatEvent(
            stream_id=header.stream_id,
            conversation_id=header.conversation_id,
            sequence=number,
            create_time=time,
            body=_unpacked(body),
            debug=debug,
        )
        for number, (time, debug, body) in enumerate(_flat(groups), sequence)
    ]


def fold_to_bytes(fold: CompleteState) -> bytes:
    """Return a snapshot."""
    return orjson.dumps([fold.content, fold.thinking, fold.model])


def fold_from_bytes(data: bytes) -> CompleteState:
    """Return the snapshot that :func:`fold_to_bytes` wrote; an empty text is the fold of nothing."""
    content, thinking, model = orjson.loads(data) if data else ("", "", "")
    return CompleteState(status=Status.RUNNING, content=content, thinking=thinking, model=model)


def header_to_bytes(header: StreamHeader) -> bytes:
    """Return a header."""
    return orjson.dumps(asdict(header))


def header_from_bytes(data: bytes) -> StreamHeader:
    """Return the header that :func:`header_to_bytes` wrote."""
    fields = orjson.loads(data)
    fields["create_time"] = datetime.fromisoformat(fields["create_time"])
    return StreamHeader(**fields)


def _micros(time: datetime) -> int:
    return (time - _EPOCH) // _MICROSECOND


def _flat(groups: Iterable[Any]) -> Iterator[tuple[datetime, DebugInfo | None, list[Any]]]:
    for micros, debug, bodies in groups:
        time = _EPOCH + timedelta(microseconds=micros)
        info = None if debug is None else DebugInfo(**debug)
        for body in bodies:
            yield time, info, body


def _packed(body: EventBody) -> list[Any]:
    match body:
        case MessageChunk(content=content):
            return ["m", content]
        case Thinking(content=content):
            return ["t", content]
        case ToolCall():
            return ["c", body.tool_call_id, body.name, body.arguments_json]
        case ToolResult():
            return ["r", body.tool_call_id, body.name, body.content, body.is_error]
        case CompleteState():
            return ["s", asdict(body)]
        case ErrorEvent():
            return ["e", asdict(body)]


def _unpacked(packed: list[Any]) -> EventBody:
    match packed:
        case ["m", content]:
            return MessageChunk(content=content)
        case ["t", content]:
            return Thinking(content=content)
        case ["c", call_id, name, arguments]:
            return ToolCall(tool_call_id=call_id, name=name, arguments_json=arguments)
        case ["r", call_id, name, content, is_error]:
            return ToolResult(tool_call_id=call_id, name=name, content=content, is_error=is_error)
        case ["s", fields]:
            return CompleteState(**(fields | _state_parts(fields)))
        case ["e", fields]:
            return ErrorEvent(**fields)
        case _:
            raise ValueError(f"an event of kind {packed[:1]} is not known; another version wrote it")


def _state_parts(fields: dict[str, Any]) -> dict[str, Any]:
    cost = fields["cost"]
    amount = cost["amount"]
    return {
        "status": Status(fields["status"]),
        "notices": tuple(fields.get("notices", ())),
        "usage": Usage(**fields["usage"]),
        "cost": Cost(**(cost | {"amount": None if amount is None else Decimal(amount)})),
    }


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
