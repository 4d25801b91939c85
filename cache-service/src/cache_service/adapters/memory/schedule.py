"""Which keys end when, without ever looking at those that don't: a wheel of one-second slots."""

import heapq
from math import ceil, inf


class ExpirySchedule:
    """Adding and removing a key costs O(1) (O(log slots) for the first key of a second); taking the due ones O(due)."""

    def __init__(self) -> None:
        self._slots: dict[int, dict[str, None]] = {}
        self._order: list[int] = []

    @property
    def next_due(self) -> float:
        """The time from which there may be due keys; infinity when nothing is scheduled."""
        return self._order[0] if self._order else inf

    def add(self, key: str, at: float) -> None:
        """Schedule `key` for the time `at` in seconds; infinity is never."""
        if at == inf:
            return
        number = ceil(at)
        slot = self._slots.get(number)
        if slot is None:
            slot = self._slots[number] = {}
            heapq.heappush(self._order, number)
        slot[key] = None

    def remove(self, key: str, at: float) -> None:
        """Forget what was added with the same `key` and `at`."""
        if at != inf and (slot := self._slots.get(ceil(at))) is not None:
            slot.pop(key, None)

    def take_due(self, now: float, limit: int) -> list[str]:
        """Remove and return at most `limit` keys whose time has come, to the second."""
        due: list[str] = []
        while self._order and self._order[0] <= now:
            slot = self._slots[self._order[0]]
            while slot and len(due) < limit:
                due.append(slot.popitem()[0])
            if slot:
                break
            del self._slots[heapq.heappop(self._order)]
        return due
