"""Remembers what was invalidated lately, so that a fill that began before can be refused."""

from collections import deque
from typing import Final, NamedTuple

from cache_service.domain.entry import Entry

MAX_RECORDS: Final = 1_024


class _Record(NamedTuple):
    generation: int
    keys: frozenset[str]
    prefix: str
    tag: str


class Journal:
    """Generations grow with every write and every invalidation, from `start` on.

    The last 1,024 invalidations are known one by one; a fill that began before them is refused
    without looking. A `start` above every generation of an earlier process makes those refused too.
    """

    def __init__(self, *, start: int, max_records: int = MAX_RECORDS) -> None:
        self.generation = start
        self._floor = start
        self._records: deque[_Record] = deque()
        self._max = max_records

    def advance(self) -> int:
        """Return the next generation, for a write."""
        self.generation += 1
        return self.generation

    def record(self, *, keys: frozenset[str] = frozenset(), prefix: str = "", tag: str = "") -> None:
        """Note an invalidation."""
        self._records.append(_Record(self.advance(), keys, prefix, tag))
        if len(self._records) > self._max:
            self._floor = self._records.popleft().generation

    def forget(self) -> None:
        """Refuse every fill that began before now."""
        self._records.clear()
        self._floor = self.advance()

    def allows(self, entry: Entry, since: int) -> bool:
        """Whether nothing that concerns `entry` was invalidated after the generation `since` was read."""
        if not self._floor <= since <= self.generation:
            return False
        for record in reversed(self._records):
            if record.generation <= since:
                return True
            if _concerns(record, entry):
                return False
        return True


def _concerns(record: _Record, entry: Entry) -> bool:
    return (
        entry.key in record.keys
        or (bool(record.prefix) and entry.key.startswith(record.prefix))
        or (bool(record.tag) and record.tag in entry.tags)
    )
