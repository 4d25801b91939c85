"""What load shedders do, on /metrics."""

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from penstock_kit.overload import LoadShedder


class OverloadMetrics(Collector):
    """The standing lag, the share of new work refused and how much was, of each shedder by the name of who lags."""

    def __init__(self, registry: CollectorRegistry, shedders: Mapping[str, LoadShedder]) -> None:
        self._shedders = shedders
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Yield the figures of this process."""
        lag = GaugeMetricFamily("penstock_loop_standing_lag_seconds", "Least lag of a second.", labels=["service"])
        share = GaugeMetricFamily("penstock_overload_share", "Share of new work refused now.", labels=["service"])
        refused = CounterMetricFamily("penstock_overload_refused", "Calls refused so far.", labels=["service"])
        for name, shedder in self._shedders.items():
            lag.add_metric([name], shedder.lag)
            share.add_metric([name], shedder.share)
            refused.add_metric([name], shedder.refused)
        return (lag, share, refused)
