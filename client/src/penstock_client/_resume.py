"""How far a stream has been read: duplicates dropped, gaps noticed, its end known."""

import json
from collections.abc import Mapping
from typing import Any, cast

from penstock_client.events import CompleteState, Event, is_terminal, parse_event


class ReadPosition:
    """The place in one stream. Events that came already are dropped; a snapshot may jump ahead."""

    def __init__(self, *, stream_id: str = "", after: int = 0) -> None:
        self.stream_id = stream_id
        self.sequence = after
        self.is_ended = False
        self.end: Event | None = None
        """The terminal event, once it came; an answer may have ended before the place where reading began."""

    def take(self, data: str) -> Event | None:
        """Return the event in `data` when it is the next one, None when it was delivered before."""
        raw = _decode(data)
        event = parse_event(raw)
        if self.stream_id and event.stream_id != self.stream_id:
            return None
        if event.sequence <= self.sequence and not _is_snapshot(event):
            return None
        self.stream_id = event.stream_id
        self.sequence = max(self.sequence, event.sequence)
        self.is_ended = is_terminal(event)
        self.end = event if self.is_ended else None
        return event

    def headers(self) -> dict[str, str]:
        """Return what asks a gateway to go on after this place."""
        return {"accept": "text/event-stream", "last-event-id": str(self.sequence)}


def _is_snapshot(event: Event) -> bool:
    return isinstance(event, CompleteState) and not event.is_final


def _decode(data: str) -> Mapping[str, Any]:
    try:
        raw = json.loads(data)
    except ValueError:
        raw = None
    return cast("Mapping[str, Any]", raw) if isinstance(raw, dict) else {"type": "unreadable", "raw": data}
