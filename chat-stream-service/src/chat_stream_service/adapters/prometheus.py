"""Metrics of the streams, of the engines with their memories, and of the tools, read from their statistics."""

from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from chat_stream_service.domain.memory.memory_statistics import (
    RECALL_BUCKETS,
    KeepOutcome,
    MemoryStatistics,
    RecallOutcome,
)
from chat_stream_service.domain.stream.statistics import FIRST_BYTE_BUCKETS, StreamStatistics
from chat_stream_service.domain.tools.tool_statistics import TOOL_BUCKETS, ToolStatistics


class StreamMetrics(Collector):
    """Streams, chunks, connections and first-byte times. Counting costs nothing here: the numbers exist already."""

    def __init__(self, registry: CollectorRegistry, statistics: StreamStatistics) -> None:
        self._statistics = statistics
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics as they are now."""
        numbers = self._statistics
        yield GaugeMetricFamily(
            "penstock_stream_active_connections", "Readers connected now.", value=numbers.active_connections
        )
        yield GaugeMetricFamily("penstock_stream_active", "Streams being made now.", value=numbers.active_streams)
        yield CounterMetricFamily("penstock_stream_started", "Streams begun.", value=numbers.total_streams)
        yield CounterMetricFamily("penstock_stream_events", "Events written.", value=numbers.total_events)
        yield CounterMetricFamily("penstock_stream_chunks", "Message chunks written.", value=numbers.total_chunks)
        yield CounterMetricFamily(
            "penstock_stream_stale_cleaned", "Stale connections ended.", value=numbers.stale_cleaned
        )
        outcomes = CounterMetricFamily("penstock_stream_ended", "Streams ended, by outcome.", labels=["outcome"])
        for outcome, count in sorted(numbers.outcomes.items()):
            outcomes.add_metric([outcome], count)
        yield outcomes
        yield self._first_byte()

    def _first_byte(self) -> Metric:
        return HistogramMetricFamily(
            "penstock_stream_first_byte_seconds",
            "Seconds from a request to its first event.",
            buckets=_buckets(FIRST_BYTE_BUCKETS, self._statistics.first_byte_buckets),
            sum_value=self._statistics.first_byte_sum,
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
            buckets = _buckets(RECALL_BUCKETS, numbers.recall_buckets)
            seconds.add_metric([numbers.engine], buckets, sum_value=numbers.recall_sum)
        return (turns, notes, recalls, kept, seconds)


class ToolMetrics(Collector):
    """Calls, errors and seconds by tool; names that no tool has are counted as ``other``."""

    def __init__(self, registry: CollectorRegistry, statistics: ToolStatistics) -> None:
        self._statistics = statistics
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics as they are now."""
        calls = CounterMetricFamily("penstock_tool_calls", "Tool calls answered.", labels=["tool"])
        errors = CounterMetricFamily("penstock_tool_errors", "Tool calls answered with an error.", labels=["tool"])
        seconds = HistogramMetricFamily("penstock_tool_seconds", "What a tool call took.", labels=["tool"])
        for name, numbers in sorted(self._statistics.tools.items()):
            calls.add_metric([name], numbers.calls)
            errors.add_metric([name], numbers.errors)
            seconds.add_metric([name], _buckets(TOOL_BUCKETS, numbers.buckets), sum_value=numbers.seconds)
        return (calls, errors, seconds)


def _buckets(bounds: Iterable[float], counts: Iterable[int]) -> list[tuple[str, float]]:
    """Return the cumulative counts by upper bound, as Prometheus wants them; `counts` has one more, for +Inf."""
    labels = [*(str(float(bound)) for bound in bounds), "+Inf"]
    return list(zip(labels, map(float, accumulate(counts)), strict=True))
