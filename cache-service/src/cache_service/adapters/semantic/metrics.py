"""The semantic cache's metrics, read when somebody scrapes."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from cache_service.domain.semantic.cache import SemanticCache


class SemanticMetrics(Collector):
    """Look-ups by outcome, refusals by guard, what the rules kept out, and vectors held."""

    def __init__(self, registry: CollectorRegistry, semantic: SemanticCache) -> None:
        self._semantic = semantic
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Yield the counters and gauges."""
        counts = self._semantic.statistics.total
        lookups = CounterMetricFamily("penstock_semantic_cache_lookups", "Look-ups by outcome.", labels=["outcome"])
        lookups.add_metric(["hit"], counts.hits)
        lookups.add_metric(["miss"], counts.misses)
        yield lookups
        refusals = CounterMetricFamily(
            "penstock_semantic_cache_refusals", "Near questions that a guard told apart.", labels=["guard"]
        )
        for guard, number in counts.refusals.items():
            refusals.add_metric([guard], number)
        yield refusals
        gated = CounterMetricFamily(
            "penstock_semantic_cache_gated", "Answers that were not stored, by rule.", labels=["rule"]
        )
        for rule, number in counts.gated.items():
            gated.add_metric([rule], number)
        yield gated
        yield CounterMetricFamily("penstock_semantic_cache_stores", "Answers stored.", value=counts.stores)
        yield CounterMetricFamily("penstock_semantic_cache_evictions", "Answers thrown out.", value=counts.evictions)
        yield CounterMetricFamily(
            "penstock_semantic_cache_unavailable",
            "Look-ups that missed for the store was away.",
            value=counts.unavailable,
        )
        yield GaugeMetricFamily(
            "penstock_semantic_cache_vectors", "Vectors in this process.", value=self._semantic.loaded.vectors
        )
