"""Events to JSON and back, to be kept."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import orjson
from pydantic import TypeAdapter

from llm_service.domain.model.event import (
    Annotation,
    Event,
    Finished,
    Picture,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
)

_KINDS: Final[dict[str, type[Event]]] = {
    kind.__name__: kind
    for kind in (Annotation, Finished, Picture, RefusalDelta, Started, TextDelta, ThinkingDelta, ToolCallDelta)
}


def json_from_events(events: Sequence[Event]) -> list[Any]:
    """Return `events` as plain values for JSON; reports of usage are left out."""
    names = ((type(event).__name__, event) for event in events)
    return [[name, _adapter(name).dump_python(event, mode="json")] for name, event in names if name in _KINDS]


def events_from_json(values: Sequence[Any]) -> list[Event]:
    """Return the events. Raises ValueError when `values` are not what `json_from_events` makes."""
    try:
        return [_adapter(name).validate_json(orjson.dumps(value)) for name, value in values]
    except (KeyError, TypeError) as error:
        message = f"these are no events: {error!r}"
        raise ValueError(message) from error


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(_KINDS[name])
