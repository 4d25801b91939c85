"""How long streams wait."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTimes:
    """Seconds: how long a stream is held back, between heartbeats, for a whole answer, for a whole stream."""

    hold: float
    heartbeat: float
    completion: float
    stream: float
