"""How long streams wait."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTimeouts:
    """Seconds.

    `hold`: a stream waits so long for content before its headers go out. `heartbeat`: silence before a heartbeat.
    `completion`: a whole answer. `stream`: a whole stream. `resume`: trying to mend a broken one.
    """

    hold: float
    heartbeat: float
    completion: float
    stream: float
    resume: float
