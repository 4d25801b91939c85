"""How full the disk of PENSTOCK_HOME is: what the rule on it reads, here and in Prometheus."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry


def used_share(home: Path) -> float:
    """Return which part of the disk of `home` is used, 0 to 1."""
    usage = shutil.disk_usage(home)
    return usage.used / usage.total if usage.total else 0.0


class DiskMetrics(Collector):
    """``penstock_home_disk_used_ratio``, read when somebody scrapes."""

    def __init__(self, registry: CollectorRegistry, home: Path) -> None:
        self._home = home
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Yield the gauge."""
        yield GaugeMetricFamily(
            "penstock_home_disk_used_ratio",
            "Used part of the disk of PENSTOCK_HOME, 0 to 1.",
            value=used_share(self._home),
        )
