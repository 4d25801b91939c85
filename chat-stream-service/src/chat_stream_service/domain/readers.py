"""The connections that read streams now, and which of them have stopped taking anything."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

from chat_stream_service.domain.statistics import StreamStatistics
from penstock_kit.clock import Clock
from penstock_kit.errors import Unavailable
from penstock_kit.logging import get_logger

log = get_logger(__name__)


class Reader:
    """One connection. `offered_at` is when it was handed events it has not taken yet, None while it waits for some."""

    def __init__(self, task: "asyncio.Task[object] | None", clock: Clock) -> None:
        self._task = task
        self._clock = clock
        self.is_stale = False
        self.offered_at: float | None = None

    def offered(self) -> None:
        """Note that events were handed over."""
        self.offered_at = self._clock.monotonic()

    def took(self) -> None:
        """Note that they were taken."""
        self.offered_at = None

    def end(self) -> None:
        """Cancel the call of this reader as stale."""
        self.is_stale = True
        if self._task is not None:
            self._task.cancel()


class Readers:
    """Counts connections and ends stale ones: those that have not taken their events for `stale_seconds`."""

    def __init__(self, *, stale_seconds: float, clock: Clock, statistics: StreamStatistics) -> None:
        self._stale_seconds = stale_seconds
        self._clock = clock
        self._statistics = statistics
        self._readers: set[Reader] = set()

    @contextmanager
    def joined(self) -> Generator[Reader]:
        """Count the current task in as a reader for the length of the block; Unavailable when it is ended as stale."""
        reader = Reader(asyncio.current_task(), self._clock)
        self._readers.add(reader)
        self._statistics.active_connections += 1
        try:
            yield reader
        except asyncio.CancelledError:
            if not reader.is_stale:
                raise
            text = f"nothing was taken from this call for {self._stale_seconds:g} s; read on from the last sequence"
            raise Unavailable(text, reason="READER_STALE") from None
        finally:
            self._readers.discard(reader)
            self._statistics.active_connections -= 1

    async def clean(self) -> int:
        """Cancel the calls of stale readers and return how many there were."""
        oldest = self._clock.monotonic() - self._stale_seconds
        stale = [reader for reader in self._readers if reader.offered_at is not None and reader.offered_at < oldest]
        for reader in stale:
            self._readers.discard(reader)
            reader.end()
        self._statistics.stale_cleaned += len(stale)
        if stale:
            log.info("stale readers ended", readers=len(stale))
        return len(stale)
