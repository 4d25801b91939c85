"""Numbers of the stream service: kept here once, read by the health call and by the metrics."""

from bisect import bisect_left
from collections import Counter, deque
from typing import Final

from chat_stream_service.domain.model.event import Status

# Seconds to the first event.
FIRST_BYTE_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_RECENT: Final = 1000


class StreamStatistics:
    """Counts streams, chunks and readers, and keeps the last first-byte times for quantiles."""

    def __init__(self) -> None:
        self.active_streams = 0
        self.active_connections = 0
        self.total_streams = 0
        self.total_events = 0
        self.total_chunks = 0
        self.stale_cleaned = 0
        self.outcomes: Counter[str] = Counter()
        self.first_byte_buckets = [0] * (len(FIRST_BYTE_BUCKETS) + 1)
        self.first_byte_sum = 0.0
        self._recent: deque[float] = deque(maxlen=_RECENT)

    def on_stream_start(self) -> None:
        """Count a stream in."""
        self.active_streams += 1
        self.total_streams += 1

    def on_stream_end(self, outcome: Status) -> None:
        """Count a stream out."""
        self.active_streams -= 1
        self.outcomes[outcome.value] += 1

    def on_first_event(self, seconds: float) -> None:
        """Record how long after its request a stream had its first event."""
        self._recent.append(seconds)
        self.first_byte_sum += seconds
        self.first_byte_buckets[bisect_left(FIRST_BYTE_BUCKETS, seconds)] += 1

    def on_events(self, events: int, chunks: int) -> None:
        """Count events, and the message chunks among them."""
        self.total_events += events
        self.total_chunks += chunks

    def first_byte_quantile(self, share: float) -> float | None:
        """Return the quantile (0 to 1) of the last first-byte times in seconds, None before the first."""
        if not self._recent:
            return None
        ordered = sorted(self._recent)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
