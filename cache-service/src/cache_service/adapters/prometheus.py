"""The cache's own metrics, read when somebody scrapes."""

from collections.abc import Iterable
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from cache_service.domain.cache import Cache

# "none" without Redis.
_BREAKER_STATES: Final = ("none", "closed", "half_open", "open")


class CacheMetrics(Collector):
    """Hits, misses and size of a Cache; ``cache_hit_rate`` is the name dashboards already use."""

    def __init__(self, registry: CollectorRegistry, cache: Cache) -> None:
        self._cache = cache
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Yield the counters and gauges."""
        statistics, usage, state = self._cache.statistics, self._cache.usage(), self._cache.state()
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
        yield CounterMetricFamily(
            "penstock_cache_errors",
            "Values unreadable or without room, calls unanswered.",
            value=usage.errors,
        )
        breaker = GaugeMetricFamily("penstock_cache_breaker", "1 for the state of the breaker.", labels=["state"])
        for name in _BREAKER_STATES:
            breaker.add_metric([name], float(name == state.breaker))
        yield breaker
        yield GaugeMetricFamily("penstock_cache_replicas", "Replicas that share the Redis.", value=state.replicas)
        # A namespace that nobody read for ten minutes has no rate, rather than one that raises an alarm.
        rates = GaugeMetricFamily(
            "cache_hit_rate", "Hits per read of the last ten minutes, 0 to 1.", labels=["namespace"]
        )
        for namespace, rate in statistics.recent_hit_rates().items():
            rates.add_metric([namespace], rate)
        yield rates
        rate = GaugeMetricFamily(
            "penstock_cache_recent_hit_rate", "Hits per read of the last ten minutes over all namespaces, 0 to 1."
        )
        recent = statistics.recent_hit_rate()
        if recent is not None:
            rate.add_metric([], recent)
        yield rate
