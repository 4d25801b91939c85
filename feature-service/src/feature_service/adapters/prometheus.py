"""What feature-service shows on /metrics about questions, rows and devices."""

from collections.abc import Iterable
from itertools import accumulate
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from feature_service.domain.ingest.ingest_counts import IngestCounts
from feature_service.domain.query.query_counts import QUERY_BUCKETS, QueryCounts

_BOUNDS: Final = (*(str(bound) for bound in QUERY_BUCKETS), "+Inf")


class QueryMetrics(Collector):
    """Questions about telemetry by data model, under the names that dashboards already use."""

    def __init__(self, registry: CollectorRegistry, counts: QueryCounts) -> None:
        self._counts = counts
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics as they are now."""
        queries = CounterMetricFamily(
            "model_query", "Questions about telemetry, by data model.", labels=["model_code", "model_type"]
        )
        seconds = HistogramMetricFamily(
            "model_query_duration_seconds", "Seconds that a question about telemetry took.", labels=["model_code"]
        )
        extractions = CounterMetricFamily(
            "feature_extraction", "Extractions of features, by data model.", labels=["model_code"]
        )
        for code, numbers in sorted(self._counts.models.items()):
            queries.add_metric([code, numbers.model_type], numbers.queries)
            buckets = list(zip(_BOUNDS, map(float, accumulate(numbers.buckets)), strict=True))
            seconds.add_metric([code], buckets, sum_value=numbers.seconds)
            extractions.add_metric([code], numbers.extractions)
        active = GaugeMetricFamily("active_queries", "Questions about telemetry under way.", value=self._counts.active)
        return (queries, seconds, extractions, active)


class IngestMetrics(Collector):
    """Rows stored and refused, and devices that send."""

    def __init__(self, registry: CollectorRegistry, counts: IngestCounts) -> None:
        self._counts = counts
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics as they are now."""
        counts = self._counts
        yield CounterMetricFamily("penstock_rows_ingested", "Rows of telemetry stored.", value=counts.stored)
        yield CounterMetricFamily("penstock_rows_refused", "Rows of telemetry refused.", value=counts.refused)
        active = counts.active_devices()
        yield GaugeMetricFamily("penstock_devices_active", "Devices that sent rows within the last hour.", value=active)
