"""Numbered events of a response's stream."""

import orjson

from gateway.model_call.fields import JsonObject
from gateway.sse import event_frame


class EventSequence:
    """Collects events with ``sequence_number`` 0, 1, 2 … until they are taken."""

    def __init__(self) -> None:
        self._next = 0
        self._frames: list[bytes] = []

    def add(self, type: str, **fields: object) -> None:
        """Add one event."""
        event: JsonObject = {"type": type, "sequence_number": self._next, **fields}
        self._next += 1
        self._frames.append(event_frame(orjson.dumps(event), event=type))

    def take(self) -> bytes:
        """Return the frames added since they were last taken."""
        frames, self._frames = b"".join(self._frames), []
        return frames
