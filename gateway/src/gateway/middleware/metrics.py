"""Numbers of the HTTP side, under the names that dashboards already use."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from penstock_kit.telemetry.metrics import BUCKETS

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WEBSOCKET"})


class HttpMetrics:
    """``http_requests_total`` and ``http_request_duration_seconds``; `endpoint` is the route's template."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._requests = Counter(
            "http_requests", "HTTP requests answered.", ["method", "endpoint", "status"], registry=registry
        )
        self._seconds = Histogram(
            "http_request_duration_seconds",
            "Seconds from the request's head to the end of the answer.",
            ["method", "endpoint"],
            buckets=BUCKETS,
            registry=registry,
        )
        self.in_flight = Gauge("http_requests_in_flight", "HTTP requests being answered now.", registry=registry)
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._histograms: dict[tuple[str, str], Histogram] = {}

    def observe(self, *, method: str, endpoint: str, status: int, seconds: float) -> None:
        """Count one answered request; `seconds` it took."""
        method = method if method in _METHODS else "OTHER"
        counter = self._counters.get((method, endpoint, status))
        if counter is None:
            counter = self._requests.labels(method, endpoint, str(status))
            self._counters[method, endpoint, status] = counter
        counter.inc()
        histogram = self._histograms.get((method, endpoint))
        if histogram is None:
            histogram = self._histograms[method, endpoint] = self._seconds.labels(method, endpoint)
        histogram.observe(seconds)
