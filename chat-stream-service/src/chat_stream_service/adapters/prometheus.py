"""Metrics of the streams, read from the statistics when somebody scrapes."""

from collections.abc import Iterable
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from chat_stream_service.domain.stream.statistics import FIRST_BYTE_BUCKETS, StreamStatistics


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
        bounds = [*(str(float(bound)) for bound in FIRST_BYTE_BUCKETS), "+Inf"]
        counts = accumulate(self._statistics.first_byte_buckets)
        return HistogramMetricFamily(
            "penstock_stream_first_byte_seconds",
            "Seconds from a request to its first event.",
            buckets=list(zip(bounds, counts, strict=True)),
            sum_value=self._statistics.first_byte_sum,
        )
