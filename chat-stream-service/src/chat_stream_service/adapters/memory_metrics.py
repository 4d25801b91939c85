"""Metrics of the engines and their memories, the same for every engine, read when somebody scrapes."""

from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from chat_stream_service.domain.memory.memory_statistics import (
    RECALL_BUCKETS,
    KeepOutcome,
    MemoryStatistics,
    RecallOutcome,
)


class MemoryMetrics(Collector):
    """Turns, recalls with their time and outcome, notes found, turns kept; by engine."""

    def __init__(self, registry: CollectorRegistry, statistics: Sequence[MemoryStatistics]) -> None:
        self._statistics = statistics
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics as they are now."""
        turns = CounterMetricFamily("penstock_engine_turns", "Turns begun.", labels=["engine"])
        notes = CounterMetricFamily("penstock_memory_notes", "Notes recalled.", labels=["engine"])
        recalls = CounterMetricFamily("penstock_memory_recalls", "Recalls, by outcome.", labels=["engine", "outcome"])
        kept = CounterMetricFamily("penstock_memory_keeps", "Turns by outcome.", labels=["engine", "outcome"])
        seconds = HistogramMetricFamily(
            "penstock_memory_recall_seconds", "What recalling cost a turn.", labels=["engine"]
        )
        for numbers in self._statistics:
            turns.add_metric([numbers.engine], numbers.turns)
            notes.add_metric([numbers.engine], numbers.notes)
            for outcome in RecallOutcome:
                recalls.add_metric([numbers.engine, outcome.value], numbers.recalls[outcome])
            for outcome in KeepOutcome:
                kept.add_metric([numbers.engine, outcome.value], numbers.kept[outcome])
            seconds.add_metric([numbers.engine], _buckets(numbers), sum_value=numbers.recall_sum)
        return (turns, notes, recalls, kept, seconds)


def _buckets(numbers: MemoryStatistics) -> list[tuple[str, float]]:
    bounds = [*(str(float(bound)) for bound in RECALL_BUCKETS), "+Inf"]
    return list(zip(bounds, map(float, accumulate(numbers.recall_buckets)), strict=True))
