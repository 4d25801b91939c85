"""What a service asks of its database, on /metrics."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from penstock_kit.database.counts import DatabaseCounts


class DatabaseMetrics(Collector):
    """Reads, transactions, slow and failed ones, and connections in use, of one service's database."""

    def __init__(self, registry: CollectorRegistry, service: str, counts: DatabaseCounts) -> None:
        self._service = service
        self._counts = counts
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Yield the figures of this process."""
        counts = self._counts
        queries = CounterMetricFamily(
            "penstock_database_queries", "Reads and transactions.", labels=["service", "kind"]
        )
        queries.add_metric([self._service, "read"], counts.reads)
        queries.add_metric([self._service, "write"], counts.writes)
        slow = CounterMetricFamily(
            "penstock_database_slow_queries", "Reads and transactions of more than 0.5 s.", labels=["service"]
        )
        slow.add_metric([self._service], counts.slow)
        failures = CounterMetricFamily(
            "penstock_database_failures", "Reads and transactions that the store could not answer.", labels=["service"]
        )
        failures.add_metric([self._service], counts.failures)
        in_use = GaugeMetricFamily(
            "penstock_database_connections_in_use",
            "Reads and transactions under way, which hold a connection or wait for one.",
            labels=["service"],
        )
        in_use.add_metric([self._service], counts.under_way)
        return (queries, slow, failures, in_use, *self._sizes())

    def _sizes(self) -> Iterable[Metric]:
        deleted = CounterMetricFamily(
            "penstock_retention_deleted", "Rows that were older than their time.", labels=["service", "kind"]
        )
        for kind, rows in sorted(self._counts.deleted.items()):
            deleted.add_metric([self._service, kind], rows)
        yield deleted
        if self._counts.wal_bytes is not None:
            log = GaugeMetricFamily(
                "penstock_database_wal_bytes", "Bytes of SQLite's write-ahead log, beside the file.", labels=["service"]
            )
            log.add_metric([self._service], self._counts.wal_bytes())
            yield log
