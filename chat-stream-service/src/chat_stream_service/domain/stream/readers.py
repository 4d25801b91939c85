"""The connections that read streams now, and which of them have stopped taking anything."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from math import inf
from typing import Final

from chat_stream_service.domain.stream.statistics import StreamStatistics
from penstock_kit.clock import Clock
from penstock_kit.errors import Unavailable
from penstock_kit.logging import get_logger

log = get_logger(__name__)

# The rest between two writes to a reader: what comes meanwhile goes out together. It grows with the number of readers
# that are being written to, so that all of them together make no more writes a second than a core can do. Those that
# wait for an event, or take theirs slowly, cost nobody anything.
_LEAST_REST: Final = 0.002
_REST_A_READER: Final = 0.0002


class Reader:
    """One connection. `offered_at` is when it was handed events it has not taken yet, None while it waits for some."""

    def __init__(self, task: "asyncio.Task[object] | None", clock: Clock, *, endless: bool) -> None:
        self._task = task
        self._clock = clock
        self.endless = endless
        # Whether it can read on elsewhere: otherwise only its first event tells it of which stream.
        self._knows_place = endless
        self._dismissed = False
        self.end_cause: Unavailable | None = None
        self.offered_at: float | None = None
        # When it was ready for more, and how long it then waited for what it was offered last.
        self._ready_at = -inf
        self.waited = inf

    def on_offer(self) -> None:
        """Note that events were handed over."""
        now = self._clock.monotonic()
        self.waited, self.offered_at = now - self._ready_at, now

    def on_taken(self) -> None:
        """Note that they were taken. Raises Unavailable (REPLICA_UNAVAILABLE) when the reader gets no more here."""
        self.offered_at = None
        self._knows_place = True
        self.on_ready()
        if self._dismissed:
            raise _draining_error()

    def on_ready(self) -> None:
        """Note that it could be offered more now."""
        self._ready_at = self._clock.monotonic()

    @property
    def takes_events(self) -> bool:
        """Whether it waits for events and is to get them here."""
        return not self._dismissed and self.offered_at is None

    def seconds_waiting(self) -> float:
        """Return how long it has been waiting for events."""
        return self._clock.monotonic() - self._ready_at

    def dismiss(self) -> None:
        """End the call as soon as the reader can go on elsewhere."""
        self._dismissed = True
        if self._knows_place:
            self.end(_draining_error())

    def end(self, cause: Unavailable) -> None:
        """Cancel the call of this reader, with a cause it is told."""
        self.end_cause = cause
        if self._task is not None:
            self._task.cancel()


class Readers:
    """Counts connections, ends stale ones (that have not taken their events for `stale_seconds`), and sends all of
    them elsewhere at the end of a replica that has others beside it."""

    def __init__(self, *, stale_seconds: float, most_rest: float, clock: Clock, statistics: StreamStatistics) -> None:
        self._stale_seconds = stale_seconds
        self._most_rest = most_rest
        self._clock = clock
        self._statistics = statistics
        self._readers: set[Reader] = set()
        self._pacing = 0
        self._dismissing = False

    @contextmanager
    def join(self, *, endless: bool = False) -> Generator[Reader]:
        """Count the current task in as a reader for the length of the block.

        `endless` says that what it reads has no end of its own, and that it could read on elsewhere at any time.
        Raises Unavailable when it is ended as stale (READER_INTERRUPTED) or sent away (REPLICA_UNAVAILABLE).
        """
        reader = Reader(asyncio.current_task(), self._clock, endless=endless)
        self._readers.add(reader)
        self._statistics.active_connections += 1
        if self._dismissing:
            reader.dismiss()
        try:
            yield reader
        except asyncio.CancelledError:
            if reader.end_cause is None:
                raise
            raise reader.end_cause from None
        finally:
            self._readers.discard(reader)
            self._statistics.active_connections -= 1

    def may_write_now(self, reader: Reader) -> bool:
        """Return whether a reader that waits may be handed events at once: none that is sent away, or has to rest."""
        return reader.takes_events and reader.seconds_waiting() > self._rest()

    async def pace(self, reader: Reader) -> None:
        """Wait between two writes to a reader, at most `most_rest` seconds.

        One whose events come more slowly than that waits for nothing: a timer for each of them would cost as much as
        the write.
        """
        rest = self._rest()
        if reader.waited > rest:
            return
        self._pacing += 1
        try:
            await asyncio.sleep(rest)
        finally:
            self._pacing -= 1
        reader.on_ready()

    def _rest(self) -> float:
        return min(self._most_rest, _LEAST_REST + _REST_A_READER * self._pacing)

    def dismiss(self, *, endless_only: bool = False) -> None:
        """Send readers elsewhere, those that come from now on too; one that has had no event yet gets its first one
        before, so that it knows what to ask for. With `endless_only` those stay whose stream has an end."""
        self._dismissing = self._dismissing or not endless_only
        for reader in tuple(self._readers):
            if reader.endless or not endless_only:
                reader.dismiss()

    async def clean(self) -> int:
        """Cancel the calls of stale readers and return how many there were."""
        oldest = self._clock.monotonic() - self._stale_seconds
        stale = [reader for reader in self._readers if reader.offered_at is not None and reader.offered_at < oldest]
        for reader in stale:
            self._readers.discard(reader)
            reader.end(self._stale_error())
        self._statistics.stale_cleaned += len(stale)
        if stale:
            log.info("stale readers ended", readers=len(stale))
        return len(stale)

    def _stale_error(self) -> Unavailable:
        text = f"nothing was taken from this call for {self._stale_seconds:g} s; read on from the last sequence"
        return Unavailable(text, reason="READER_INTERRUPTED")


def _draining_error() -> Unavailable:
    text = "this replica is shutting down; read on from the last sequence, another one has the stream"
    return Unavailable(text, reason="REPLICA_UNAVAILABLE", retry_after=0)
