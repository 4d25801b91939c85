"""Numbers of the engines' memories, the same for every engine."""

from bisect import bisect_left
from collections import Counter
from enum import StrEnum
from typing import Final

# Seconds to recall.
RECALL_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1)


class RecallOutcome(StrEnum):
    """How a look into memory ended."""

    HIT = "hit"
    EMPTY = "empty"
    SLOW = "slow"
    FAILED = "failed"
    SKIPPED = "skipped"


class KeepOutcome(StrEnum):
    """What became of a turn that was to be remembered."""

    KEPT = "kept"
    FAILED = "failed"
    DROPPED = "dropped"


class MemoryStatistics:
    """Counts what one engine's memory recalls and keeps."""

    def __init__(self, engine: str) -> None:
        self.engine = engine
        self.turns = 0
        self.recalls: Counter[RecallOutcome] = Counter()
        self.kept: Counter[KeepOutcome] = Counter()
        self.notes = 0
        self.recall_buckets = [0] * (len(RECALL_BUCKETS) + 1)
        self.recall_sum = 0.0

    def recalled(self, outcome: RecallOutcome, *, seconds: float, notes: int = 0) -> None:
        """Count a recall that took `seconds` of a turn and brought `notes`."""
        self.recalls[outcome] += 1
        self.notes += notes
        self.recall_sum += seconds
        self.recall_buckets[bisect_left(RECALL_BUCKETS, seconds)] += 1
