"""The connections that read streams now, and which of them have stopped taking anything."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

from chat_stream_service.domain.statistics import StreamStatistics
from penstock_kit.clock import Clock


class Reader:
    """One connection. `offered_at` is when it was handed events it has not taken yet, None while it waits for some."""

    def __init__(self, task: "asyncio.Task[object] | None", clock: Clock) -> None:
        self.task = task
        self._clock = clock
        self.offered_at: float | None = None

    def offered(self) -> None:
        """Note that events were handed over."""
        self.offered_at = self._clock.monotonic()

    def took(self) -> None:
        """Note that they were taken."""
        self.offered_at = None


class Readers:
    """Counts connections and ends stale ones: those that have not taken their events for `stale_seconds`."""

    def __init__(self, *, stale_seconds: float, clock: Clock, statistics: StreamStatistics) -> None:
        self._stale_seconds = stale_seconds
        self._clock = clock
        self._statistics = statistics
        self._readers: set[Reader] = set()

    @contextmanager
    def joined(self) -> Generator[Reader]:
        """Count the current task in as a reader for the length of the block."""
        reader = Reader(asyncio.current_task(), self._clock)
        self._readers.add(reader)
        self._statistics.active_connections += 1
        try:
            yield reader
        finally:
            self._readers.discard(reader)
            self._statistics.active_connections -= 1

    def clean(self) -> int:
        """Cancel the calls of stale readers and return how many there were."""
        oldest = self._clock.monotonic() - self._stale_seconds
        stale = [reader for reader in self._readers if reader.offered_at is not None and reader.offered_at < oldest]
        for reader in stale:
            self._readers.discard(reader)
            if reader.task is not None:
                reader.task.cancel()
        self._statistics.stale_cleaned += len(stale)
        return len(stale)
