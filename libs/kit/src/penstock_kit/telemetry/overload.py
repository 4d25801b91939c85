"""What the load shedder does, on /metrics."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from penstock_kit.overload import LoadShedder


class OverloadMetrics(Collector):
    """The standing lag of the event loop, the share of new work refused and how much was."""

    def __init__(self, registry: CollectorRegistry, shedder: LoadShedder, service: str) -> None:
        self._shedder = shedder
        self._service = service
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Yield the figures of this process."""
        lag = GaugeMetricFamily("penstock_loop_standing_lag_seconds", "Least lag of a second.", labels=["service"])
        lag.add_metric([self._service], self._shedder.lag)
        share = GaugeMetricFamily("penstock_overload_share", "Share of new work refused now.", labels=["service"])
        share.add_metric([self._service], self._shedder.share)
        refused = CounterMetricFamily("penstock_overload_refused", "Calls refused so far.", labels=["service"])
        refused.add_metric([self._service], self._shedder.refused)
        return (lag, share, refused)
