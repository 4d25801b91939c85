"""Latency: whoever began to answer soonest lately."""

from collections.abc import Sequence
from dataclasses import replace

from llm_service.domain.model.route import Candidate
from llm_service.domain.routing.health import ProviderMonitor


class FastestFirst:
    """Sorts by the median time to the first content; one that was never asked comes first, to be known."""

    def __init__(self, monitor: ProviderMonitor) -> None:
        self._monitor = monitor

    def arrange(self, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Return the candidates, the fastest first; the score is seconds."""
        timed = [(self._monitor.record(each.provider).latency_p50, each) for each in candidates]
        timed.sort(key=lambda pair: pair[0] or 0.0)
        return [_explained(candidate, latency) for latency, candidate in timed]


def _explained(candidate: Candidate, latency: float | None) -> Candidate:
    if latency is None:
        return replace(candidate, why=f"{candidate.why}; not timed yet")
    return replace(candidate, score=latency, why=f"{candidate.why}; begins after {latency * 1000:.0f} ms (median)")
