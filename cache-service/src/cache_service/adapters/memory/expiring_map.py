"""A map whose values end: by time, and by being the least recently used when it is full."""

from collections import OrderedDict
from collections.abc import Callable
from enum import Enum
from typing import Final, Generic, TypeVar

from cache_service.adapters.memory.schedule import ExpirySchedule

V = TypeVar("V")

# How many expired values one write clears away beside its own work.
_SWEEP_PER_WRITE: Final = 32


class Removal(Enum):
    """Why a value left."""

    DELETED = "deleted"
    REPLACED = "replaced"
    EXPIRED = "expired"
    EVICTED = "evicted"


class ExpiringMap(Generic[V]):
    """At most `max_entries` values by key. Reads are exact about time, memory is freed within a second or so.

    `monotonic` gives the time in seconds; `on_remove` hears of every value that leaves.
    """

    def __init__(
        self,
        *,
        max_entries: int,
        monotonic: Callable[[], float],
        on_remove: Callable[[str, V, Removal], None] | None = None,
    ) -> None:
        self._max = max_entries
        self._monotonic = monotonic
        self._on_remove = on_remove
        self._cells: OrderedDict[str, tuple[V, float]] = OrderedDict()
        self._schedule = ExpirySchedule()

    def __len__(self) -> int:
        return len(self._cells)

    def get(self, key: str) -> V | None:
        """Return the live value of `key` and make it the most recently used."""
        cell = self._cells.get(key)
        if cell is None:
            return None
        if cell[1] <= self._monotonic():
            self._remove(key, Removal.EXPIRED)
            return None
        self._cells.move_to_end(key)
        return cell[0]

    def expire_at(self, key: str) -> float:
        """Return when the value of `key` ends, 0 without one."""
        cell = self._cells.get(key)
        return 0.0 if cell is None else cell[1]

    def put(self, key: str, value: V, expire_at: float) -> None:
        """Store `value` until `expire_at` (infinity for no end), and evict what the bound no longer allows."""
        self.sweep(_SWEEP_PER_WRITE)
        if key in self._cells:
            self._remove(key, Removal.REPLACED)
        if expire_at <= self._monotonic():
            return
        self._cells[key] = (value, expire_at)
        self._schedule.add(key, expire_at)
        while len(self._cells) > self._max:
            self.evict()

    def pop(self, key: str) -> V | None:
        """Drop `key` and return its value if it was live."""
        value = self.get(key)
        if value is not None:
            self._remove(key, Removal.DELETED)
        return value

    def keys(self) -> list[str]:
        """Return the keys held, ended ones included."""
        return list(self._cells)

    def evict(self) -> None:
        """Drop the least recently used value."""
        self._remove(next(iter(self._cells)), Removal.EVICTED)

    def sweep(self, limit: int) -> int:
        """Drop at most `limit` expired values, and return how many it were."""
        now = self._monotonic()
        if now < self._schedule.next_due:
            return 0
        due = self._schedule.take_due(now, limit)
        for key in due:
            self._remove(key, Removal.EXPIRED)
        return len(due)

    def _remove(self, key: str, why: Removal) -> None:
        value, expire_at = self._cells.pop(key)
        self._schedule.remove(key, expire_at)
        if self._on_remove is not None:
            self._on_remove(key, value, why)
