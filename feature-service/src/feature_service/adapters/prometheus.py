"""What feature-service shows on /metrics about questions, rows and devices."""

from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Final, Protocol

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


class Intake(Protocol):
    """What is shown of the intake of messages; `counts` are by outcome, `refused_by_pattern` by pattern of topics."""

    @property
    def is_connected(self) -> bool:
        """Whether messages come."""
        ...

    @property
    def waiting(self) -> int:
        """Messages received and not stored yet."""
        ...

    @property
    def lost(self) -> Mapping[str, int] | None:
        """Messages ever lost of all replicas by how, None while that is not known."""
        ...

    @property
    def counts(self) -> Mapping[str, int]:
        """Messages by outcome."""
        ...

    @property
    def refused_by_pattern(self) -> Mapping[str, int]:
        """Refused messages by pattern of topics."""
        ...


class MqttMetrics(Collector):
    """Messages of a broker: what became of them, and whether they come."""

    def __init__(self, registry: CollectorRegistry, intake: Intake) -> None:
        self._intake = intake
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics as they are now."""
        counts = self._intake.counts
        messages = CounterMetricFamily(
            "penstock_mqtt_messages", "Messages of the broker, by what became of them.", labels=["outcome"]
        )
        for outcome in ("stored", "refused", "ignored", "dropped"):
            messages.add_metric([outcome], counts.get(outcome, 0))
        refused = CounterMetricFamily(
            "penstock_mqtt_messages_refused", "Messages refused, by pattern of topics.", labels=["pattern"]
        )
        for pattern, count in sorted(self._intake.refused_by_pattern.items()):
            refused.add_metric([pattern], count)
        overwritten = CounterMetricFamily(
            "penstock_mqtt_rows_overwritten",
            "Rows of messages that overwrote one of the same device and time in the same batch.",
            value=counts.get("overwritten", 0),
        )
        waiting = GaugeMetricFamily(
            "penstock_mqtt_messages_waiting", "Messages received and not stored yet.", value=self._intake.waiting
        )
        connected = GaugeMetricFamily(
            "penstock_mqtt_connected", "1 while messages come from the broker.", value=float(self._intake.is_connected)
        )
        lost = CounterMetricFamily(
            "penstock_mqtt_messages_lost",
            "Messages of the broker that were lost, of all replicas and since the first start, by how.",
            labels=["loss"],
        )
        for loss, count in (self._intake.lost or {}).items():
            lost.add_metric([loss], count)
        return (messages, refused, overwritten, waiting, connected, lost)
