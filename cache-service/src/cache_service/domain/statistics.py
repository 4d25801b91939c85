"""Counts of reads and writes, in all and by the first segment of the key: since the start, and of late."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

MAX_PREFIXES: Final = 256
OTHER: Final = "(other)"
RECENT_SECONDS: Final = 600.0
"""Reads of so long count for the recent hit rate."""
_SLOT_SECONDS: Final = 30.0
_SLOTS: Final = int(RECENT_SECONDS / _SLOT_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixCount:
    """Reads below one prefix."""

    prefix: str
    hits: int
    misses: int


class Statistics:
    """Counters since the start of the process, and hit rates of the last ten minutes by `monotonic` seconds.

    The first 256 prefixes are counted by name, the rest together.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self.hits = 0
        self.misses = 0
        self.sets = 0
        self.deletes = 0
        self._prefixes: dict[str, _Reads] = {}

    def hit(self, key: str) -> None:
        """Count a read that found a live entry, a negative one included."""
        self.hits += 1
        self._reads(key).count(self._slot(), hits=1)

    def miss(self, key: str) -> None:
        """Count a read that found nothing."""
        self.misses += 1
        self._reads(key).count(self._slot(), misses=1)

    def count_many(self, keys: Sequence[str], found: Sequence[object | None]) -> None:
        """Count reads of many keys at once; `found` has None where there was nothing."""
        slot, counts = self._slot(), dict[str, list[int]]()
        for key, entry in zip(keys, found, strict=True):
            prefix = key.partition(":")[0]
            counted = counts.get(prefix)
            if counted is None:
                counted = counts[prefix] = [0, 0]
            counted[entry is None] += 1
        for prefix, (hits, misses) in counts.items():
            self.hits += hits
            self.misses += misses
            self._reads(prefix).count(slot, hits=hits, misses=misses)

    @property
    def hit_rate(self) -> float:
        """hits / (hits + misses) since the start, 0 without a read."""
        reads = self.hits + self.misses
        return self.hits / reads if reads else 0.0

    def recent_hit_rates(self) -> Mapping[str, float]:
        """Return hits / (hits + misses) of the last ten minutes by prefix, of those that had any read."""
        slot = self._slot()
        found = {prefix: reads.recent(slot) for prefix, reads in self._prefixes.items()}
        return {prefix: hits / (hits + misses) for prefix, (hits, misses) in found.items() if hits + misses}

    def recent_hit_rate(self) -> float | None:
        """Return hits / (hits + misses) of the last ten minutes over all prefixes, None without a read."""
        slot = self._slot()
        counts = [reads.recent(slot) for reads in self._prefixes.values()]
        hits, misses = sum(count[0] for count in counts), sum(count[1] for count in counts)
        return hits / (hits + misses) if hits + misses else None

    def prefixes(self) -> Sequence[PrefixCount]:
        """Return the counts since the start by prefix, the most read first."""
        rows = sorted(self._prefixes.items(), key=lambda row: (-row[1].hits - row[1].misses, row[0]))
        return [PrefixCount(prefix=prefix, hits=reads.hits, misses=reads.misses) for prefix, reads in rows]

    def _slot(self) -> int:
        return int(self._monotonic() // _SLOT_SECONDS)

    def _reads(self, key: str) -> "_Reads":
        prefix = key.partition(":")[0]
        reads = self._prefixes.get(prefix)
        if reads is None:
            if len(self._prefixes) >= MAX_PREFIXES:
                prefix = OTHER
            reads = self._prefixes.setdefault(prefix, _Reads())
        return reads


class _Reads:
    """The reads below one prefix: in all, and of the last slots of time as [slot, hits, misses]."""

    __slots__ = ("_slots", "hits", "misses")

    def __init__(self) -> None:
        self.hits = 0
        self.misses = 0
        self._slots: deque[list[int]] = deque(maxlen=_SLOTS)

    def count(self, slot: int, *, hits: int = 0, misses: int = 0) -> None:
        self.hits += hits
        self.misses += misses
        if not self._slots or self._slots[-1][0] != slot:
            self._slots.append([slot, 0, 0])
        self._slots[-1][1] += hits
        self._slots[-1][2] += misses

    def recent(self, slot: int) -> tuple[int, int]:
        live = [entry for entry in self._slots if entry[0] > slot - _SLOTS]
        return sum(entry[1] for entry in live), sum(entry[2] for entry in live)
