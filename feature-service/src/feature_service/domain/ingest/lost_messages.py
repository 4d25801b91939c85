"""Messages of a broker that were lost: counted where every replica, and a restart, sees it."""

import threading
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Protocol

from penstock_kit.clock import Clock

RECENT_MINUTES: Final = 10
"""What was lost within so many minutes raises the alarm."""
_TOTALS_SECONDS: Final = 15.0


class Loss(StrEnum):
    """Why a message, or some of its rows, will never be stored."""

    REFUSED = "refused"
    TOO_LARGE = "too_large"
    OVERFLOWED = "overflowed"
    BROKER = "broker"


class LostMessageStore(Protocol):
    """Counts of lost messages by minute (since 1970) and in all, of all replicas together."""

    async def add(self, minute: int, lost: Mapping[Loss, int], *, broker: int | None) -> None:
        """Count what was lost in a minute, all or nothing.

        `broker` is the broker's own count, which every replica hears of: what it grew by since any of them told it is
        counted once. The first one that is told says where counting begins; one that is lower was begun anew.
        """
        ...

    async def since(self, minute: int) -> Mapping[Loss, int]:
        """Return what was lost from that minute on."""
        ...

    async def totals(self) -> Mapping[Loss, int]:
        """Return what was ever lost."""
        ...


class LostMessages:
    """Takes losses at once and writes them down when told to; what can't be written is kept for the next time."""

    def __init__(self, store: LostMessageStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._pending: Counter[Loss] = Counter()
        self._told: list[int] = []
        self._read_at = float("-inf")
        self.totals: Mapping[Loss, int] | None = None
        """As they were read last, None before that."""

    def note(self, loss: Loss, count: int = 1) -> None:
        """Count messages, on whichever thread."""
        if count:
            with self._lock:
                self._pending[loss] += count

    def note_broker(self, dropped: int) -> None:
        """Take the broker's own count of messages that it dropped, on whichever thread."""
        with self._lock:
            self._told = [*self._told[:1], dropped]

    async def write(self) -> None:
        """Write down what is new, and now and then read the totals. Raises PenstockError when the store is away."""
        with self._lock:
            lost, self._pending = self._pending, Counter[Loss]()
            told, self._told = self._told, []
        is_new = bool(lost or told)
        try:
            # The first of two counts may be where counting begins: what it grew by to the second is lost then.
            while lost or told:
                await self._store.add(self._minute(), lost, broker=told[0] if told else None)
                lost, told = Counter[Loss](), told[1:]
        except BaseException:
            with self._lock:
                self._pending.update(lost)
                told += self._told
                self._told = [*told[:1], *told[1:][-1:]]
            raise
        if is_new or self._clock.monotonic() - self._read_at >= _TOTALS_SECONDS:
            self.totals = await self._store.totals()
            self._read_at = self._clock.monotonic()

    async def recent(self) -> Mapping[Loss, int]:
        """Return what all replicas lost within the last RECENT_MINUTES minutes. Raises PenstockError."""
        return await self._store.since(self._minute() - RECENT_MINUTES + 1)

    def _minute(self) -> int:
        return int(self._clock.now().timestamp()) // 60
