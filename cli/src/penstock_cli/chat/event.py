"""Server-Sent Events, read line by line."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of a stream: its kind, its sequence (0 when it has none) and its fields."""

    kind: str
    sequence: int
    fields: dict[str, Any]

    @property
    def terminal(self) -> bool:
        """Whether the stream ends with this event."""
        return self.kind == "error" or (self.kind == "complete_state" and self.fields.get("status") != "running")


def events(lines: Iterable[str]) -> Iterator[Event]:
    """Yield the events of an event stream; comments and events without data are passed over."""
    data: list[str] = []
    for line in lines:
        if line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))
        elif line == "" and data:
            fields: dict[str, Any] = json.loads("\n".join(data))
            data = []
            yield Event(kind=str(fields.get("type", "")), sequence=int(fields.get("sequence", 0)), fields=fields)
