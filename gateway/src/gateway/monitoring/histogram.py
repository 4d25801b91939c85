"""Latencies as counts by bucket: what can be added up over time, tenants and gateways, and asked for quantiles."""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

# Seconds. Each threshold of an alert (2 s) is an edge, with two edges above it, so that quantiles are right there.
LATENCY_BUCKETS: Final = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 2.5, 5, 10, 30, 60, 120,
)  # fmt: skip
_COUNT: Final = len(LATENCY_BUCKETS) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """How many took how long: `counts` by bucket (the last is above every edge), and `seconds` in all."""

    counts: tuple[int, ...] = (0,) * _COUNT
    seconds: float = 0.0

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(self.counts)

    def __add__(self, other: "Latencies") -> "Latencies":
        counts = tuple(mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True))
        return Latencies(counts=counts, seconds=self.seconds + other.seconds)

    def __sub__(self, earlier: "Latencies") -> "Latencies":
        counts = tuple(mine - theirs for mine, theirs in zip(self.counts, earlier.counts, strict=True))
        return Latencies(counts=counts, seconds=self.seconds - earlier.seconds)

    def mean(self) -> float | None:
        """Return the mean in seconds, None without any."""
        return self.seconds / self.count if self.count else None

    def quantile(self, share: float) -> float | None:
        """Return the latency in seconds that `share` (0 to 1) keep to, None without any.

        Linear within a bucket and the last edge above all, as Prometheus' ``histogram_quantile`` has it.
        """
        if not self.count:
            return None
        rank, below = share * self.count, 0
        for at, count in enumerate(self.counts):
            if count and below + count >= rank:
                return _within(at, (rank - below) / count)
            below += count
        return LATENCY_BUCKETS[-1]


NO_LATENCIES: Final = Latencies()


def bucket_of(seconds: float) -> int:
    """Return the place of the bucket in which `seconds` counts."""
    return bisect_left(LATENCY_BUCKETS, seconds)


def _within(at: int, share: float) -> float:
    if at == len(LATENCY_BUCKETS):
        return LATENCY_BUCKETS[-1]
    low = LATENCY_BUCKETS[at - 1] if at else 0.0
    return low + (LATENCY_BUCKETS[at] - low) * share
