"""When the next message is written: at once while little goes on, by ticks where many calls have something to say."""

from collections.abc import Callable
from math import inf
from typing import Final

# The longest that pieces of answers gather for company, where nothing else is set.
MOST_GATHERING: Final = 0.008
# Least time between two messages where much is going on: a message costs far more than a frame in it. It grows with the
# calls that have something to say, each of which has the less to lose the more there are.
_LEAST_GAP: Final = 0.001
_GAP_A_CALL: Final = 0.00002
_MOST_GAP: Final = 0.004
# The same for pieces of answers, that are read as they come and by nobody in less time than this.
_GATHERING_A_CALL: Final = 0.0001
_BUSY_CALLS: Final = 4
_SPAN_SECONDS: Final = 0.05


class Pace:
    """Decides how long frames wait for others; all times are the loop's.

    `calls` says how many are under way. Frames that begin or end a call wait for a few milliseconds at most, those that
    carry one more piece of an answer for `most_gathering` seconds; both for nothing while a handful of calls, or none,
    have had something to say lately.
    """

    __slots__ = ("_before", "_calls", "_most_gathering", "_now", "_since", "_written")

    def __init__(self, calls: Callable[[], int], most_gathering: float = MOST_GATHERING) -> None:
        self._calls = calls
        self._most_gathering = most_gathering
        self._written = -inf
        # Frames of a span that ended not long ago, and of the one that goes on.
        self._before = self._now = 0
        self._since = 0.0

    def due(self, waiting: int, *, urgent: bool) -> float:
        """Return when `waiting` frames are to be written; `urgent` when some of them begin or end a call."""
        # Streams on which nothing happens are no reason to wait.
        busy = min(self._calls(), max(self._before, self._now) + waiting)
        if busy <= _BUSY_CALLS:
            return -inf
        gap = min(max(_LEAST_GAP, _GAP_A_CALL * busy), _MOST_GAP)
        if not urgent:
            gap = max(gap, min(_GATHERING_A_CALL * busy, self._most_gathering))
        return self._written + gap

    def written(self, frames: int, now: float) -> None:
        """Note that so many frames leave."""
        spans = (now - self._since) / _SPAN_SECONDS
        if spans >= 1:
            self._before = self._now if spans < 2 else 0
            self._now, self._since = 0, now
        self._now += frames
        self._written = now
