"""The sums over all tenants on /metrics, from the very counts that the dashboard and the embedded rules read."""

from collections.abc import Iterable
from itertools import accumulate
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from gateway.monitoring.histogram import LATENCY_BUCKETS
from gateway.monitoring.traffic import Totals, Traffic

_BOUNDS: Final = (*(str(float(bound)) for bound in LATENCY_BUCKETS), "+Inf")


class TrafficMetrics(Collector):
    """Answers by class of status, their latencies and the open event streams, read when somebody scrapes.

    Every series is there at 0 before the first request, so that a rule sees the very first error come.
    """

    def __init__(self, registry: CollectorRegistry, traffic: Traffic) -> None:
        self._traffic = traffic
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics."""
        totals = sum(self._traffic.totals().values(), Totals())
        answers = CounterMetricFamily(
            "penstock_http_answers", "HTTP requests answered, without sockets.", labels=["status_class"]
        )
        for place, count in enumerate(totals.requests):
            answers.add_metric([f"{place + 1}xx"], count)
        counts = map(float, accumulate(totals.latencies.counts))
        latencies = HistogramMetricFamily(
            "penstock_http_answer_seconds",
            "Seconds to the end of an answer, of an event stream to its first byte; over all routes.",
            buckets=list(zip(_BOUNDS, counts, strict=True)),
            sum_value=totals.latencies.seconds,
        )
        streams = GaugeMetricFamily("http_streams_active", "Event streams that are open.", value=totals.streams)
        return (answers, latencies, streams)
