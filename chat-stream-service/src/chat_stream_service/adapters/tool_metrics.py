"""Metrics of the tools, read from the statistics when somebody scrapes."""

from collections.abc import Iterable
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from chat_stream_service.domain.tools.tool_statistics import TOOL_BUCKETS, ToolNumbers, ToolStatistics


class ToolMetrics(Collector):
    """Calls, errors and seconds by tool; names that no tool has are counted as ``other``."""

    def __init__(self, registry: CollectorRegistry, statistics: ToolStatistics) -> None:
        self._statistics = statistics
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics as they are now."""
        calls = CounterMetricFamily("penstock_tool_calls", "Tool calls answered.", labels=["tool"])
        errors = CounterMetricFamily("penstock_tool_errors", "Tool calls answered with an error.", labels=["tool"])
        seconds = HistogramMetricFamily("penstock_tool_seconds", "What a tool call took.", labels=["tool"])
        for name, numbers in sorted(self._statistics.tools.items()):
            calls.add_metric([name], numbers.calls)
            errors.add_metric([name], numbers.errors)
            seconds.add_metric([name], _buckets(numbers), sum_value=numbers.seconds)
        return (calls, errors, seconds)


def _buckets(numbers: ToolNumbers) -> list[tuple[str, float]]:
    bounds = [*(str(bound) for bound in TOOL_BUCKETS), "+Inf"]
    return list(zip(bounds, map(float, accumulate(numbers.buckets)), strict=True))
