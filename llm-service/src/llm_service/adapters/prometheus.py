"""What llm-service shows on /metrics about providers."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from llm_service.adapters.sql_budget import SqlBudgets
from llm_service.domain.keys.key_pool import ApiKeyState
from llm_service.domain.keys.key_pools import ApiKeyPools
from llm_service.domain.model.failure import FailureKind
from llm_service.domain.model.provider_pool import ProviderCatalog
from llm_service.domain.routing.health import ProviderMonitor
from penstock_kit.breaker import BreakerState

_OPENNESS: Final = {BreakerState.CLOSED: 0.0, BreakerState.HALF_OPEN: 0.5, BreakerState.OPEN: 1.0}


class ProviderMetrics(Collector):
    """Attempts, failures and state of every configured provider, read when somebody scrapes."""

    def __init__(
        self,
        registry: CollectorRegistry,
        providers: ProviderCatalog,
        monitor: ProviderMonitor,
        key_pools: ApiKeyPools,
    ) -> None:
        self._providers = providers
        self._key_pools = key_pools
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
            # Each kind is there at 0, so that the first failure is seen to come.
            for kind in FailureKind:
                failures.add_metric([name, kind.value], record.failures_by_kind.get(kind, 0))
            loaded.add_metric([name], float(self._providers.loaded(name) is not None))
        yield from (attempts, failures, loaded, *self._states())

    def _states(self) -> Iterable[Metric]:
        breakers = GaugeMetricFamily(
            "penstock_llm_breaker_open", "1 open, 0.5 half open, 0 closed.", labels=["provider"]
        )
        keys = GaugeMetricFamily("penstock_llm_keys", "Vendor keys by state.", labels=["provider", "state"])
        for name in self._providers.get_available_providers():
            if key_pool := self._key_pools.get(name):
                breakers.add_metric([name], _OPENNESS[key_pool.breaker])
                counts = Counter(view.state for view in key_pool.views())
                for state in ApiKeyState:
                    keys.add_metric([name, state.value], counts[state])
        yield from (breakers, keys)


class ConfigurationMetrics(Collector):
    """Whether the configuration read last was right; `error` says what is wrong with it, empty when nothing is."""

    def __init__(self, registry: CollectorRegistry, error: Callable[[], str]) -> None:
        self._error = error
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Yield the metric."""
        yield GaugeMetricFamily(
            "penstock_llm_configuration_ok",
            "1 when the configuration read last is in force, 0 when it was wrong and the one before stays.",
            value=float(not self._error()),
        )


class BudgetMetrics(Collector):
    """How much of each budget is spent, for those that were spent from since the start."""

    def __init__(self, registry: CollectorRegistry, budgets: SqlBudgets) -> None:
        self._budgets = budgets
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics."""
        share = GaugeMetricFamily(
            "penstock_llm_budget_spent_ratio", "Spent share of a budget.", labels=["budget", "scope", "period"]
        )
        for use in tuple(self._budgets.shares.values()):
            share.add_metric([use.budget.id, use.budget.scope.value, use.budget.period.value], use.share)
        yield share
