"""The cache's own metrics, read when somebody scrapes."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from cache_service.domain.cache import Cache


class CacheMetrics(Collector):
    """Hits, misses and size of a Cache; ``cache_hit_rate`` is the name dashboards already use."""

    def __init__(self, registry: CollectorRegistry, cache: Cache) -> None:
        self._cache = cache
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Yield the counters and gauges."""
        statistics, usage = self._cache.statistics, self._cache.usage()
        reads = CounterMetricFamily("penstock_cache_reads", "Reads by outcome.", labels=["prefix", "outcome"])
        for row in statistics.prefixes():
            reads.add_metric([row.prefix, "hit"], row.hits)
            reads.add_metric([row.prefix, "miss"], row.misses)
        yield reads
        yield CounterMetricFamily("penstock_cache_sets", "Values written.", value=statistics.sets)
        yield CounterMetricFamily("penstock_cache_deletes", "Values deleted or invalidated.", value=statistics.deletes)
        yield CounterMetricFamily("penstock_cache_evictions", "Live values thrown out.", value=usage.evictions)
        yield CounterMetricFamily("penstock_cache_expirations", "Values that ended.", value=usage.expirations)
        yield GaugeMetricFamily("penstock_cache_entries", "Values held.", value=usage.entries)
        yield GaugeMetricFamily("penstock_cache_bytes", "Bytes of values held.", value=usage.size)
        # A namespace that nobody read for ten minutes has no rate, rather than one that raises an alarm.
        rates = GaugeMetricFamily(
            "cache_hit_rate", "Hits per read of the last ten minutes, 0 to 1.", labels=["namespace"]
        )
        for namespace, rate in statistics.recent_hit_rates().items():
            rates.add_metric([namespace], rate)
        yield rates
