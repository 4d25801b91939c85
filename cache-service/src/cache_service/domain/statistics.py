"""Counts of reads and writes, in all and by the first segment of the key."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MAX_PREFIXES: Final = 256
OTHER: Final = "(other)"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixCount:
    """Reads below one prefix."""

    prefix: str
    hits: int
    misses: int


class Statistics:
    """Counters since the start of the process. The first 256 prefixes are counted by name, the rest together."""

    def __init__(self) -> None:
        self.hits = 0
        self.misses = 0
        self.sets = 0
        self.deletes = 0
        self.errors = 0
        self._prefixes: dict[str, list[int]] = {}

    def hit(self, key: str) -> None:
        """Count a read that found a live entry, a negative one included."""
        self.hits += 1
        self._prefix(key)[0] += 1

    def miss(self, key: str) -> None:
        """Count a read that found nothing."""
        self.misses += 1
        self._prefix(key)[1] += 1

    @property
    def hit_rate(self) -> float:
        """hits / (hits + misses), 0 without a read."""
        reads = self.hits + self.misses
        return self.hits / reads if reads else 0.0

    def prefixes(self) -> Sequence[PrefixCount]:
        """Return the counts by prefix, the most read first."""
        rows = sorted(self._prefixes.items(), key=lambda row: (-sum(row[1]), row[0]))
        return [PrefixCount(prefix=prefix, hits=hits, misses=misses) for prefix, (hits, misses) in rows]

    def _prefix(self, key: str) -> list[int]:
        prefix = key.partition(":")[0]
        counts = self._prefixes.get(prefix)
        if counts is None:
            if len(self._prefixes) >= MAX_PREFIXES:
                prefix = OTHER
            counts = self._prefixes.setdefault(prefix, [0, 0])
        return counts
