"""What is known of each provider from the calls made so far."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from llm_service.domain.model.failure import FailureKind
from penstock_kit.clock import Clock

_REMEMBERED: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRecord:
    """Counts and latencies of one provider; latencies are seconds to the first content, None before any call."""

    requests: int = 0
    failures_by_kind: Mapping[FailureKind, int] = field(default_factory=dict[FailureKind, int])
    last_failure: FailureKind | None = None
    last_failure_time: datetime | None = None
    latency_p50: float | None = None
    latency_p95: float | None = None

    @property
    def failures(self) -> int:
        """Failed attempts of all kinds."""
        return sum(self.failures_by_kind.values())


@dataclass(slots=True, kw_only=True)
class _Counts:
    requests: int = 0
    failures: Counter[FailureKind] = field(default_factory=Counter[FailureKind])
    last_failure: FailureKind | None = None
    last_failure_time: datetime | None = None
    latencies: deque[float] = field(default_factory=lambda: deque[float](maxlen=_REMEMBERED))


class ProviderMonitor:
    """Counts attempts per provider and remembers the last latencies."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._records: dict[str, _Counts] = {}

    def record_start(self, provider: str) -> None:
        """Count an attempt."""
        self._of(provider).requests += 1

    def record_answer(self, provider: str, latency: float) -> None:
        """Remember how many seconds the first content took."""
        self._of(provider).latencies.append(latency)

    def record_failure(self, provider: str, failure: FailureKind) -> None:
        """Count a failed attempt."""
        record = self._of(provider)
        record.failures[failure] += 1
        record.last_failure, record.last_failure_time = failure, self._clock.now()

    def record(self, provider: str) -> ProviderRecord:
        """Return what is known of `provider`."""
        running = self._records.get(provider) or _Counts()
        ordered = sorted(running.latencies)
        return ProviderRecord(
            requests=running.requests,
            failures_by_kind=dict(running.failures),
            last_failure=running.last_failure,
            last_failure_time=running.last_failure_time,
            latency_p50=_quantile(ordered, 0.5),
            latency_p95=_quantile(ordered, 0.95),
        )

    def _of(self, provider: str) -> _Counts:
        record = self._records.get(provider)
        if record is None:
            record = self._records[provider] = _Counts()
        return record


def _quantile(ordered: list[float], share: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None
