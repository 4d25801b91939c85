"""An event of an answer as the terminal shows it."""

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
