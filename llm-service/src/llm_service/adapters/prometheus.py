"""What llm-service shows on /metrics about providers."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from llm_service.domain.monitor import ProviderMonitor
from llm_service.providers.registry import ProviderRegistry


class ProviderMetrics(Collector):
    """Attempts, failures and state of every configured provider, read when somebody scrapes."""

    def __init__(self, registry: CollectorRegistry, providers: ProviderRegistry, monitor: ProviderMonitor) -> None:
        self._providers = providers
        self._monitor = monitor
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics."""
        attempts = CounterMetricFamily("penstock_llm_attempts", "Attempts at a provider.", labels=["provider"])
        failures = CounterMetricFamily("penstock_llm_failures", "Failed attempts by kind.", labels=["provider", "kind"])
        loaded = GaugeMetricFamily("penstock_llm_provider_loaded", "1 once a provider was used.", labels=["provider"])
        for name in self._providers.get_available_providers():
            record = self._monitor.record(name)
            attempts.add_metric([name], record.requests)
            for kind, count in record.failures_by_kind.items():
                failures.add_metric([name, kind.value], count)
            loaded.add_metric([name], float(self._providers.loaded(name) is not None))
        yield from (attempts, failures, loaded)
