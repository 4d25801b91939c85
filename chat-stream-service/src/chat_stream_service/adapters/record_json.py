"""Structures of the chat database as JSON text."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any

from chat_stream_service.domain.model.event import CompleteState, ErrorEvent, EventBody, Status, ToolCall
from chat_stream_service.domain.model.picture import Picture
from chat_stream_service.domain.model.usage import NO_USAGE, Cost, Usage


def usage_to_json(usage: Usage) -> str:
    """Return the text of a usage, empty when there is none."""
    return "" if usage == NO_USAGE else json.dumps(asdict(usage))


def usage_from_json(text: str) -> Usage:
    """Return the usage that :func:`usage_to_json` wrote."""
    return Usage(**json.loads(text)) if text else NO_USAGE


def tool_calls_to_json(calls: Sequence[ToolCall]) -> str:
    """Return the text of tool calls, empty when there are none."""
    return json.dumps([asdict(call) for call in calls], ensure_ascii=False) if calls else ""


def tool_calls_from_json(text: str) -> tuple[ToolCall, ...]:
    """Return the calls that :func:`tool_calls_to_json` wrote."""
    return tuple(ToolCall(**call) for call in json.loads(text)) if text else ()


def pictures_to_json(pictures: Sequence[Picture]) -> str:
    """Return the text of pictures without their data, empty when there are none."""
    kept = [{"id": each.id, "media_type": each.media_type, "size_bytes": each.size_bytes} for each in pictures]
    return json.dumps(kept) if kept else ""


def pictures_from_json(text: str) -> tuple[Picture, ...]:
    """Return the pictures that :func:`pictures_to_json` wrote."""
    return tuple(Picture(**picture) for picture in json.loads(text)) if text else ()


def terminal_event_to_json(body: EventBody | None) -> str:
    """Return the text of a terminal event without its content, empty when there is none."""
    match body:
        case CompleteState():
            bare = replace(body, content="", thinking="")
            amount = None if body.cost.amount is None else str(body.cost.amount)
            fields = asdict(bare) | {"cost": asdict(body.cost) | {"amount": amount}}
            return json.dumps({"complete_state": fields})
        case ErrorEvent():
            return json.dumps({"error": asdict(replace(body, partial_content=""))})
        case _:
            return ""


def terminal_event_from_json(text: str, *, content: str, thinking: str) -> EventBody | None:
    """Return the terminal event that :func:`ending_to_json` wrote, with its content."""
    if not text:
        return None
    stored: dict[str, dict[str, Any]] = json.loads(text)
    if "error" in stored:
        return replace(ErrorEvent(**stored["error"]), partial_content=content)
    fields = stored["complete_state"]
    fields["status"] = Status(fields["status"])
    fields["usage"] = Usage(**fields["usage"])
    fields["cost"] = _cost(fields["cost"])
    fields["notices"] = tuple(fields.get("notices", ()))
    return replace(CompleteState(**fields), content=content, thinking=thinking)


def _cost(fields: dict[str, Any]) -> Cost:
    amount: str | None = fields["amount"]
    return Cost(
        amount=None if amount is None else Decimal(amount), currency=fields["currency"], source=fields["source"]
    )


def terminal_event_texts(body: EventBody | None) -> tuple[str, str]:
    """Return the whole text and reasoning of a terminal event."""
    match body:
        case CompleteState(content=content, thinking=thinking):
            return content, thinking
        case ErrorEvent(partial_content=content):
            return content, ""
        case _:
            return "", ""
